// The view "One customer": the form's values to /v2/customers as they are typed, what is wrong to its field.
import { address, announce, ask } from "./api.js";
import { problemBox } from "./dom.js";
import { probability, risk, typed } from "./format.js";
import { showRisk } from "./risk.js";
import { compare, follow, forget } from "./whatif.js";

const PATH = "v2/customers?reasons=all";
const PAUSE_MS = 250;
const AGAIN_MS = 3000;

const form = document.getElementById("customer-form");
const answer = document.getElementById("customer-answer");
const waiting = document.getElementById("customer-waiting");
const trouble = document.getElementById("customer-problem");
const mini = document.getElementById("mini");
const origin = document.getElementById("customer-from");
const names = [...form.querySelectorAll(".field")].map((field) => field.dataset.feature);
let timer = 0;
let answerIsSeen = false;
let running = null;

/** The customer of the form: words as they are, numbers as they were typed. */
function customer() {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, typed(value)]));
}

/** Show the view with a row of a list: the values of its columns, by their names. */
export async function showCustomer(values) {
  const named = new Map(Object.entries(values).map(([name, value]) => [name.trim().toLowerCase(), String(value)]));
  const found = (name) => typed(named.get(name.toLowerCase()) ?? "");
  const given = Object.fromEntries(names.map((name) => [name, found(name)]));
  showOrigin(found(form.dataset.idName).trim());
  location.hash = "#customer";
  const { signal } = begin();
  try {
    // How a word or number may be spelt is the API's to know: its reasons have each value as the form has it.
    const response = await ask(PATH, { json: given, signal });
    for (const { feature, value } of (await response.json()).reasons) form.elements[feature].value = String(value);
    forget();
    await update();
  } catch (problem) {
    if (problem.name !== "AbortError") refuse(problem);
  }
}

function showOrigin(id) {
  origin.hidden = id === "";
  origin.querySelector("strong").textContent = id;
}

/** Stop what is under way, for something newer. */
function begin() {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  return running;
}

async function update() {
  const { signal } = begin();
  const asked = customer();
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

/** Say what is wrong: at the fields where the API names them, else in place of the answer. */
function refuse(problem) {
  const elsewhere = mark(problem.errors ?? []);
  answer.hidden = true;
  waiting.hidden = true;
  placeMini();
  const shown = problem.errors?.length > 0 && elsewhere.length === 0;
  const goesOn = problem.code === "offline" ? " The page tries again by itself." : "";
  const text = { ...problem, detail: shown ? hint(problem.errors) : problem.message + goesOn };
  trouble.replaceChildren(problemBox(text, shown ? null : update));
  if (problem.code === "offline") timer = setTimeout(update, AGAIN_MS);
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
  document.getElementById("curl").textContent =
    `curl ${address("v2/customers")}${key} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

async function copy() {
  const code = document.getElementById("curl");
  const said = document.getElementById("copied");
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
  seen.observe(answer.querySelector(".verdict"));
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
  form.addEventListener("input", later);
  form.addEventListener("reset", () => {
    showOrigin("");
    forget();
    later();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    update();
  });
  addEventListener("online", update);
  document.getElementById("copy").addEventListener("click", copy);
  watchAnswer();
  // A row of a list may have brought the view up, and is on its way then.
  if (running === null) update();
}
