// Says when something that a page shows has changed: main[data-watch] names it, as stream.js takes it.

const AGAIN = 5000; // milliseconds between looks at a server that does not say what changes
const OF_AGE = 6; // looks later, although nothing is said: "3 min ago" grows old

const words = document.getElementById("main").dataset.watch.split(" ").filter(Boolean);
const listeners = [];
let live = false;
let looks = 0;

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
    while (wanted) {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      wanted = false;
      await act();
    }
    busy = false;
  };
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

// Not before every script of the page has said what it listens to.
if (words.length) document.addEventListener("DOMContentLoaded", begin);
setInterval(() => {
  looks += 1;
  if (document.visibilityState === "visible" && (!live || looks % OF_AGE === 0)) call("look");
}, AGAIN);
