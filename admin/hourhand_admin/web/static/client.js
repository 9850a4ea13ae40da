// Follows runs from any page: live events of hourhand, each once, over any number of broken connections.
//
//   import { subscribeRun } from "/jobs/static/client.js";
//   const stop = subscribeRun(12, { token, onUpdate(run) {}, onLog(line) {}, onEnd(run) {} });
//
// It needs no library. The server is the one this file came from, unless `base` says another.

const BASE = import.meta.url.replace(/static\/.*$/, "");
const FIRST_PAUSE = 500; // milliseconds
const LONGEST_PAUSE = 30000;
const SILENCE = 45000; // the server says every 15 seconds that it is there

/**
 * Follow one run until it has ended. Gives a function that stops it.
 * onUpdate(run): its state, whenever it differs; onLog(line); onEnd(run): its last state, once;
 * onLive(live): it is followed, or the connection is broken and will be tried again;
 * onError(error): it cannot be followed (any more), such as without the right to.
 * token: one for this run, where the login of this browser does not count; after: only lines with a greater id.
 */
export function subscribeRun(id, { onUpdate, onLog, onEnd, onLive, onError, token, after = 0, base } = {}) {
  let last = { id, status: null };
  const handlers = {
    run(run) {
      last = run;
      onUpdate?.(run);
    },
    log: (line) => onLog?.(line),
    end: () => onEnd?.(last),
  };
  return subscribe({ run: [after ? `${id}:${after}` : `${id}`] }, handlers, { token, base, onLive, onError });
}

/**
 * Watch several things in one stream: wanted is {run: [ids], runs: true, schedules: true, services: true}, handlers has
 * a function for each kind of event: log, run, run-end, runs, schedules, services, end. Gives a function that stops it.
 * Each handler gets the data and the id of an event; last: the id after which to go on.
 */
export function subscribe(wanted, handlers, { token, base = BASE, last = "", onLive, onError } = {}) {
  const address = addressOf(wanted, token, base);
  const stopped = new AbortController();
  follow(address, handlers, { last, signal: stopped.signal, onLive, onError });
  return () => stopped.abort();
}

function addressOf(wanted, token, base) {
  const address = new URL("api/v1/events", base);
  for (const run of wanted.run ?? []) address.searchParams.append("run", run);
  for (const topic of ["runs", "schedules", "services"]) if (wanted[topic]) address.searchParams.set(topic, "");
  if (token) address.searchParams.set("token", token);
  return address;
}

// Not an EventSource: it gives up for ever at a 503, and says nothing of why.
async function follow(address, handlers, { last, signal, onLive, onError }) {
  let pause = FIRST_PAUSE;
  const take = (event) => {
    last = event.id ?? last;
    pause = FIRST_PAUSE;
    try {
      handlers[event.name]?.(event.data, last);
    } catch (error) {
      setTimeout(() => { throw error; }); // for the console: the next event comes all the same
    }
    return event.name === "end";
  };
  while (!signal.aborted) {
    try {
      const answer = await open(address, last, signal);
      if (answer.status === 204) return onLive?.(true);
      if (await read(answer.body, take, signal, onLive)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused) return onError?.(error);
      onLive?.(false);
    }
    await rest(pause * (0.75 + Math.random() / 2), signal);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

/** The server has said no: `status` is that of HTTP. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function open(address, last, signal) {
  const headers = { accept: "text/event-stream", ...(last && { "last-event-id": last }) };
  const answer = await fetch(address, { headers, signal });
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, problem.detail ?? answer.statusText);
  }
  if (!answer.ok) throw new Error(answer.statusText);
  return answer;
}

/** Whether its last event has come. It is live when something has come: what is in between may keep all to itself. */
async function read(body, take, signal, onLive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let live = false;
  try {
    for (;;) {
      const { value, done } = await withinReason(reader, () => onLive?.(false));
      if (done) return false;
      if (!live) onLive?.((live = true));
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        if (signal.aborted) return true;
        const event = parse(part);
        if (event && take(event)) return true;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// A connection may be gone without a word, such as after the computer has slept.
async function withinReason(reader, giveUp) {
  const timer = setTimeout(() => {
    giveUp();
    reader.cancel().catch(() => {});
  }, SILENCE);
  try {
    return await reader.read();
  } finally {
    clearTimeout(timer);
  }
}

function parse(text) {
  const event = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return event.data && { name: event.event, id: event.id, data: JSON.parse(event.data) };
}

const rest = (milliseconds, signal) =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
