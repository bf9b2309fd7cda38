// The view "One customer": the form's values to /v2/customers as they are typed, what is wrong to its field.
import { address, announce, ask } from "./api.js";
import { problemBox } from "./dom.js";
import { count, money, probability, risk, typed } from "./format.js";
import { showRisk } from "./risk.js";
import { compare, follow, forget } from "./what_if.js";

const PATH = "v2/customers?reasons=all";
const PAUSE_MS = 250;
const AGAIN_MS = 3000;

const form = document.getElementById("customer-form");
const answer = document.getElementById("customer-result");
const waiting = document.getElementById("customer-loading");
const trouble = document.getElementById("customer-problem");
const mini = document.getElementById("risk-bar");
const origin = document.getElementById("customer-source");
// A row that was scored has no other commas in its numbers.
const DECIMAL_COMMA = /^([\s+-]*\d*),(\d)/;
const LIKE_THOUSANDS = /^\s*\d{1,3}\.\d{3}\s*$/;
const names = [...form.querySelectorAll(".field")].map((field) => field.dataset.feature);
let timer = 0;
let answerIsSeen = false;
let running = null;
/** Asks once more: for the form, or for the customer of a list who is on the way into it. */
let repeat = () => update();

/** The customer of the form: words as they are, numbers as they were typed. */
function customer() {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, typed(value)]));
}

/** Show the view with a scored row of a list: the values of its columns, by their names, and its number. */
export function showCustomer(values, row) {
  const named = new Map(Object.entries(values).map(([name, value]) => [name.trim().toLowerCase(), String(value)]));
  const found = (name) => named.get(name.toLowerCase()) ?? "";
  const given = Object.fromEntries(names.map((name) => [name, found(name).replace(DECIMAL_COMMA, "$1.$2")]));
  location.hash = "#customer";
  return open(found(form.dataset.idName).trim() || `Row ${count(row)}`, given);
}

/** Until the answer is there, neither the form nor what was said of it stands under the name of another. */
async function open(name, given) {
  repeat = () => open(name, given);
  const { signal } = begin();
  showOrigin("");
  form.inert = true;
  answer.hidden = true;
  waiting.hidden = false;
  trouble.replaceChildren();
  placeMini();
  try {
    // How a word or number may be spelt is the API's to know: its reasons have each value as the form has it.
    const response = await ask(PATH, { json: given, signal });
    for (const { feature, value } of (await response.json()).reasons) form.elements[feature].value = String(value);
    forget();
    showOrigin(name);
    await update();
  } catch (problem) {
    if (problem.name !== "AbortError") refuse(problem, name);
  }
}

function showOrigin(name) {
  origin.hidden = name === "";
  origin.querySelector("strong").textContent = name;
  origin.querySelector("em").textContent = "";
}

/** Stop what is under way, for something newer. */
function begin() {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  return running;
}

async function update() {
  repeat = update;
  const { signal } = begin();
  const asked = customer();
  remark();
  form.inert = false;
  form.setAttribute("aria-busy", "true");
  try {
    const response = await ask(PATH, { json: asked, signal });
    const found = await response.json();
    if (signal.aborted) return;
    mark([]);
    trouble.replaceChildren();
    answer.hidden = false;
    waiting.hidden = true;
    showRisk(found);
    showMini(found);
    showCurl(asked);
    announce(`${probability(found.probability)}, ${risk(found.tier)}`);
    await compare(asked, found, signal);
  } catch (problem) {
    if (problem.name !== "AbortError") refuse(problem);
  } finally {
    if (!signal.aborted) form.removeAttribute("aria-busy");
  }
}

/** Say what is wrong: at the fields where the API names them, else in place of the answer. `name`: who was to be opened. */
function refuse(problem, name) {
  const errors = name ? [] : (problem.errors ?? []);
  const elsewhere = mark(errors);
  form.inert = false;
  answer.hidden = true;
  waiting.hidden = true;
  placeMini();
  const shown = errors.length > 0 && elsewhere.length === 0;
  const isOffline = problem.code === "offline";
  const goesOn = isOffline ? " The page tries again by itself." : "";
  const detail = name && isOffline ? `${name} is opened as soon as there is an answer.` : problem.message + goesOn;
  trouble.replaceChildren(problemBox({ ...problem, detail: shown ? hint(errors) : detail }, shown ? null : () => repeat()));
  if (isOffline) timer = setTimeout(() => repeat(), AGAIN_MS);
}

const hint = (errors) =>
  errors.length === 1 ? errors[0].message : `${errors.length} fields are marked in the form, each with what it takes.`;

/** Mark the fields that have errors, and return the errors without one. */
function mark(errors) {
  const messages = new Map();
  for (const each of errors) messages.set(each.field, [...(messages.get(each.field) ?? []), each.message]);
  for (const field of form.querySelectorAll(".field")) {
    const found = messages.get(field.dataset.feature) ?? [];
    messages.delete(field.dataset.feature);
    field.querySelector(".error").textContent = found.join(" ");
    const control = field.querySelector("[role=radiogroup], select, input");
    if (found.length > 0) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  return [...messages.values()];
}

/** Say how an amount was taken that would be another one in German. */
function remark() {
  for (const note of form.querySelectorAll(".parsed-note")) {
    const { value } = form.elements[note.closest(".field").dataset.feature];
    note.textContent = LIKE_THOUSANDS.test(value) ? `Taken as ${money(Number(value))}: the point begins the cents.` : "";
  }
}

function showMini(found) {
  const [pill, number] = mini.children;
  pill.className = `pill ${found.tier}`;
  pill.textContent = risk(found.tier);
  number.textContent = probability(found.probability);
  placeMini();
}

function showCurl(asked) {
  const key = document.documentElement.dataset.needsKey ? ' -H "X-Api-Key: $KEY"' : "";
  // A single quote ends the word of the shell and has to stand outside.
  const body = JSON.stringify(asked, null, 1).replace(/\n\s*/g, " ").replaceAll("'", "'\\''");
  document.getElementById("curl-command").textContent =
    `curl ${address("v2/customers")}${key} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

async function copy() {
  const code = document.getElementById("curl-command");
  const said = document.getElementById("copy-status");
  try {
    await navigator.clipboard.writeText(code.textContent);
    said.textContent = "Copied.";
  } catch {
    // A frame may not be allowed to; then the text is selected, ready for Ctrl+C.
    getSelection().selectAllChildren(code);
    said.textContent = "Selected: copy it with Ctrl+C.";
  }
}

/** Show the way down from the form to the answer, while there is one that is out of sight. */
function placeMini() {
  mini.hidden = answerIsSeen || answer.hidden || answer.closest("section").hidden;
}

function watchAnswer() {
  const seen = new IntersectionObserver(([entry]) => {
    answerIsSeen = entry.isIntersecting;
    placeMini();
  });
  seen.observe(answer.querySelector(".risk-headline"));
  mini.addEventListener("click", () => {
    const title = document.getElementById("risk-title");
    title.focus();
    title.scrollIntoView();
  });
}

follow((name) => form.elements[name].value, customer);

export function start() {
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(update, PAUSE_MS);
  };
  form.addEventListener("input", () => {
    origin.querySelector("em").textContent = ", changed here";
    later();
  });
  form.addEventListener("reset", () => {
    showOrigin("");
    forget();
    later();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    update();
  });
  addEventListener("online", () => repeat());
  document.getElementById("copy-command").addEventListener("click", copy);
  watchAnswer();
  // A row of a list may have brought the view up, and is on its way then.
  if (running === null) update();
}
