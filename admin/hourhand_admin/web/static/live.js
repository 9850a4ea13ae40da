// Says when something that a page shows has changed: main[data-watch] names it, as stream.js takes it.

const AGAIN = 5000; // milliseconds between looks at a server that does not say what changes
const OF_AGE = 6; // looks later, although nothing is said: "3 min ago" grows old

const PATIENCE = 20000; // milliseconds for an answer: what hangs is asked for once more

const words = document.getElementById("main").dataset.watch.split(" ").filter(Boolean);
const listeners = [];
let live = false;
let looks = 0;
let lookedAt = Date.now();

/**
 * `listener` is called with the name of each event, and with "live" (now changes are told of; there may have been some
 * before), "lost" (they are not) and "look" (it is time to look, whether something has changed or not).
 */
export function onChange(listener) {
  listeners.push(listener);
}

/** Calls `act` a while after it was asked to, once for all who ask meanwhile, and never twice at a time. */
export function calmly(act, milliseconds) {
  let wanted = false;
  let busy = false;
  return async () => {
    wanted = true;
    if (busy) return;
    busy = true;
    try {
      while (wanted) {
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        wanted = false;
        await act();
      }
    } finally {
      busy = false;
    }
  };
}

/** There is an answer, but no page: its message says why. */
export class NoPage extends Error {}

/** A page of ours, parsed. It throws when there is none, or not in time. */
export async function ask(address, more = {}) {
  const signal = AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(more.signal ? [more.signal] : [])]);
  const answer = await fetch(address, { headers: { accept: "text/html" }, redirect: "manual", ...more, signal });
  if (answer.type === "opaqueredirect" || answer.status === 401) throw new NoPage("Your login is over.");
  if (answer.status === 404) throw new NoPage("This is not there any more.");
  if (!answer.ok) throw new Error(answer.statusText);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

let answeredAt = new Date();

/** Says above the page what came of an `ask`: its error, or null. */
export function tell(error) {
  const note = document.getElementById("stale");
  note.hidden = !error;
  if (!error) answeredAt = new Date();
  note.querySelector("strong").textContent = error instanceof NoPage ? error.message : "The admin does not answer.";
  note.querySelector("span").textContent = answeredAt.toLocaleTimeString();
}

const call = (name) => listeners.forEach((listener) => listener(name));

function heard(message) {
  if ("live" in message) live = message.live;
  call(message.changed ?? (live ? "live" : "lost"));
}

async function connect() {
  try {
    const address = new URL("./stream.js", import.meta.url);
    const { port } = new SharedWorker(address, { type: "module", name: "hourhand" });
    port.onmessage = ({ data }) => heard(data);
    return (wanted) => port.postMessage(wanted);
  } catch {
    // A browser without such workers has a stream for each tab that is seen.
    const { Stream } = await import("./stream.js");
    const stream = new Stream();
    return (wanted) => stream.watch(heard, wanted);
  }
}

async function begin() {
  const watch = await connect();
  const say = () => watch(document.visibilityState === "visible" ? words : null);
  document.addEventListener("visibilitychange", say);
  say();
}

function look() {
  looks += 1;
  const slept = Date.now() - lookedAt > 3 * AGAIN; // and what was live then may be gone without a word
  lookedAt = Date.now();
  if (document.visibilityState === "visible" && (!live || slept || looks % OF_AGE === 0)) call("look");
}

if (words.length) {
  // Not before every script of the page has said what it listens to.
  document.addEventListener("DOMContentLoaded", begin);
  setInterval(look, AGAIN);
}
