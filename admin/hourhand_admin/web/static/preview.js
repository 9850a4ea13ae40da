// While somebody edits a schedule: what it means and what changes, as the server says it, and the fields of its task.

import { ask, tell } from "./live.js";

const PAUSE = 250; // milliseconds without typing

const form = document.getElementById("schedule");
const shown = document.getElementById("preview");
let timer;

document.querySelector("#stale a").hidden = true; // it would take away what is filled in

/** Sends the form as it is, and gives the page; of those who asked for the same the last one counts. */
function asker(address) {
  let asking;
  return (step) => {
    asking?.abort();
    asking = new AbortController();
    const body = new URLSearchParams(new FormData(form));
    body.set("step", step);
    return ask(address, { method: "POST", body, signal: asking.signal });
  };
}

const askForPreview = asker(form.dataset.preview);
const askForFields = asker(location.href);

async function show() {
  try {
    const page = await askForPreview("preview");
    shown.replaceChildren(...page.body.childNodes);
    tell(null);
  } catch (error) {
    // Typing goes on; what is shown stays until the server answers again: the next key, or Preview, asks it.
    if (error.name !== "AbortError") tell(error);
  }
}

// Another task has other fields. What is typed elsewhere meanwhile stays.
async function showFields() {
  try {
    const page = await askForFields("task");
    for (const part of form.querySelectorAll("[data-of-task]")) {
      if (!part.contains(document.activeElement)) part.replaceWith(page.getElementById(part.id));
    }
    show();
  } catch {
    // “Use it” does the same.
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, PAUSE);
});

document.getElementById("f-task").addEventListener("change", (event) => event.target.value && showFields());

addEventListener("pageshow", show); // now the zone of this browser is known, and what it had kept is filled in
