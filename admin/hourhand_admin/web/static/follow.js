// The log of a run that has not ended: its new lines come below, and who looks at the end goes on seeing it.

import { ask, calmly, onChange } from "./live.js";

const CALM = 250; // milliseconds in which lines are gathered
const A_CALL = 1000; // lines that one answer has at most
const MOST = 5000; // that the page keeps

const lines = document.getElementById("lines");
const newer = document.getElementById("newer");
const state = document.getElementById("following");

const isAtEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 8;

function toEnd() {
  lines.scrollTop = lines.scrollHeight;
  newer.hidden = true;
}

async function read() {
  const after = lines.lastElementChild?.dataset.id ?? 0;
  const page = await ask(`${lines.dataset.more}?after=${after}`);
  const fresh = [...page.body.children];
  show(fresh);
  if (fresh.length === A_CALL) await read();
}

function show(fresh) {
  if (!fresh.length) return;
  const follows = isAtEnd();
  lines.append(...fresh);
  while (lines.children.length > MOST) lines.firstElementChild.remove();
  if (follows) toEnd();
  else newer.hidden = false;
}

// When it fails the page says so (admin.js), and the next look reads what was missed.
const soon = calmly(() => read().catch(() => {}), CALM);
const STATES = { live: "Live", lost: "Looks every 5 seconds", "run-end": "Ended" };

onChange((name) => {
  if (state.textContent !== STATES["run-end"]) state.textContent = STATES[name] ?? state.textContent;
  if (name !== "lost") soon();
});

lines.addEventListener("scroll", () => isAtEnd() && (newer.hidden = true));
newer.addEventListener("click", toEnd);
toEnd();
