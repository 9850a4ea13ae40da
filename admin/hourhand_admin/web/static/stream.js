// The one stream of this browser, in a worker that its tabs share: a browser has six connections to a server, and each
// stream keeps one. A tab says what it watches, such as ["runs", "12:345"] (run 12 after its line 345); null is nothing
// any more. It is told {live}, whether it will hear of that, and {changed}, the name of an event, when there is one.

import { subscribe } from "./client.js";

const MOST_RUNS = 20; // that one stream may watch: a tab with another run hears that it is not live

const isRun = (word) => word.includes(":");
const idOf = (word) => word.split(":")[0];

export class Stream {
  #tabs = new Map(); // what each watches, by the function that tells it
  #runs = new Map(); // the words of those runs that fit, by their id
  #watched = "";
  #last = "";
  #live = false;
  #stop = () => {};

  watch(tell, words) {
    if (words) this.#tabs.set(tell, words);
    else this.#tabs.delete(tell);
    this.#open();
    if (words) tell({ live: this.#hears(words) });
  }

  #hears(words) {
    return this.#live && words.every((word) => !isRun(word) || this.#runs.has(idOf(word)));
  }

  /** Anew when other things are watched; where the last one broke off, as far as they are the same. */
  #open() {
    const words = [...this.#tabs.values()].flat();
    const newest = words.filter(isRun).sort((one, other) => idOf(other) - idOf(one));
    const topics = Object.fromEntries(words.filter((word) => !isRun(word)).map((word) => [word, true]));
    this.#runs = new Map(newest.map((word) => [idOf(word), word]));
    for (const id of [...this.#runs.keys()].slice(MOST_RUNS)) this.#runs.delete(id);
    const watched = [...this.#runs.keys(), ...Object.keys(topics).sort()].join();
    if (watched === this.#watched) return;
    this.#stop();
    this.#watched = watched;
    if (watched) this.#subscribe({ run: this.#runs.values(), ...topics });
    else this.#tellLive(false);
  }

  #subscribe(wanted) {
    const told = (name, of) => (data, id) => {
      this.#last = id;
      this.#tell({ changed: name }, (words) => words.some((word) => idOf(word) === of(data)));
    };
    const handlers = {
      log: told("log", (line) => `${line.run_id}`),
      run: told("run", (run) => `${run.id}`),
      "run-end": told("run-end", (run) => `${run.id}`),
    };
    for (const topic of ["runs", "schedules", "services"]) handlers[topic] = told(topic, () => topic);
    this.#stop = subscribe(wanted, handlers, {
      last: this.#last,
      onLive: (live) => this.#tellLive(live),
      onError: () => {
        this.#watched = ""; // who comes next tries again
        this.#tellLive(false);
      },
    });
  }

  #tellLive(live) {
    this.#live = live;
    for (const [tell, words] of this.#tabs) tell({ live: this.#hears(words) });
  }

  #tell(message, isMeant) {
    for (const [tell, words] of this.#tabs) if (isMeant(words)) tell(message);
  }
}

if ("onconnect" in globalThis) {
  const stream = new Stream();
  globalThis.onconnect = ({ ports: [port] }) => {
    const tell = (message) => port.postMessage(message);
    port.onmessage = ({ data: words }) => stream.watch(tell, words);
  };
}
