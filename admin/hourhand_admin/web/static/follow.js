// The page of a run that has not ended: what happens is shown at once, not at the next refresh.

import { refresh } from "./admin.js";
import { subscribeRun } from "./client.js";

const PAUSE = 500; // milliseconds: many lines of a log are shown together
let waiting = false;

function soon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    refresh();
  }, PAUSE);
}

const { run } = document.querySelector("[data-run]").dataset;
// With its end come what can be done with it, too.
subscribeRun(Number(run), { onUpdate: soon, onLog: soon, onEnd: () => setTimeout(() => location.reload(), PAUSE) });
