// What every page does more with JavaScript. Without it everything still works.

import { ask, calmly, onChange, tell } from "./live.js";

const CALM = 700; // milliseconds in which changes are gathered
const LATER = 5000; // until what is in use is looked at again

// --- Keys ---

const rows = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a"));

function move(step) {
  const all = rows();
  const here = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[here < 0 ? 0 : Math.min(Math.max(here + step, 0), all.length - 1)];
  next?.querySelector("a").focus();
}

const keys = {
  "/": () => document.querySelector("main input[type=search]")?.focus(),
  "?": () => document.getElementById("keys").showModal(),
  j: () => move(1),
  k: () => move(-1),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus();
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

// --- A form that came back ---

document.querySelector(":is(.menu, .table) [aria-invalid]")?.focus();

// What was sent is not sent again because a button was pressed twice; its answer would be all that is seen.
const SENDING = 5000; // milliseconds for an answer, after which one may try again
const sent = new Set();
addEventListener("submit", (event) => {
  if (event.target.method === "dialog") return;
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
  setTimeout(() => sent.delete(event.target), SENDING);
});
addEventListener("pageshow", () => sent.clear());

// --- Menus ---

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));

// --- Where we are, where the pages do not fit into one line ---

const here = document.querySelector(".top [aria-current]");
const pages = here?.closest("ul");
if (pages) pages.scrollLeft = here.offsetLeft - pages.offsetLeft - (pages.clientWidth - here.offsetWidth) / 2;

// --- The zone of this browser ---

for (const input of document.querySelectorAll("input[name=mine]")) {
  input.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

// --- Live: the server renders a page once more, and what has changed in its [data-live] parts is put in place ---

let later;

async function refresh() {
  const parts = [...document.querySelectorAll("[data-live][id]")];
  if (!parts.some(isAtRest)) return lookLater();
  try {
    const page = await ask(location.href);
    for (const part of parts) replace(part, page.getElementById(part.id));
    tell(null);
  } catch (error) {
    tell(error);
  }
}

const soon = calmly(refresh, CALM);
onChange((name) => name === "log" || name === "lost" || soon());

function lookLater() {
  clearTimeout(later);
  later = setTimeout(soon, LATER);
}

function replace(part, fresh) {
  if (!fresh || fresh.innerHTML === part.innerHTML) return;
  if (isAtRest(part)) part.replaceChildren(...fresh.childNodes);
  else lookLater();
}

// Nothing moves under the hands of who is using it.
const isAtRest = (part) =>
  !part.contains(document.activeElement) && !part.querySelector("details[open]") && !isFilledIn(part) && !hasSelection(part);

const isFilledIn = (part) =>
  [...part.querySelectorAll("input, textarea")].some(
    (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked,
  );

function hasSelection(part) {
  const selection = getSelection();
  return selection && !selection.isCollapsed && selection.containsNode(part, true);
}
