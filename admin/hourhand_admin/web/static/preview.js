// While somebody edits a schedule: what it means and what changes, as the server says it.

const PAUSE = 250; // milliseconds without typing

const form = document.getElementById("schedule");
const shown = document.getElementById("preview");
let timer;
let asking;

async function show() {
  asking?.abort();
  asking = new AbortController();
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.preview, {
      method: "POST", body, signal: asking.signal, headers: { accept: "text/html" },
    });
    if (!answer.ok) return; // the next key, or Preview, asks again
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    shown.replaceChildren(...page.body.childNodes);
  } catch {
    // Typing goes on; what is shown stays until the server answers again.
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, PAUSE);
});

// Another task has other fields.
document.getElementById("f-task").addEventListener("change", (event) => {
  if (event.target.value) form.querySelector("button[value=task]").click();
});

show(); // now that the zone of this browser is known
