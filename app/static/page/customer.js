// The view "One customer": the form's values to /v2/customers as they are typed, what is wrong to its field.
import { address, announce, ask } from "./api.js";
import { problemBox } from "./dom.js";
import { probability, risk, typed } from "./format.js";
import { showRisk } from "./risk.js";
import { compare, follow } from "./whatif.js";

const PAUSE_MS = 250;
const AGAIN_MS = 3000;

const form = document.getElementById("customer-form");
const answer = document.getElementById("customer-answer");
const trouble = document.getElementById("customer-problem");
const mini = document.getElementById("mini");
let timer = 0;
let answerIsSeen = false;
let running = new AbortController();

/** The customer of the form: words as they are, numbers as they were typed. */
function customer() {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, typed(value)]));
}

/** Fill the form with a customer, such as a row of a list, and show the view. */
export function showCustomer(values) {
  const named = new Map(Object.entries(values).map(([name, value]) => [name.trim().toLowerCase(), String(value).trim()]));
  for (const field of form.querySelectorAll(".field")) {
    const value = named.get(field.dataset.feature.toLowerCase());
    if (value !== undefined) fill(form.elements[field.dataset.feature], value);
  }
  location.hash = "#customer";
  update();
}

function fill(control, value) {
  const options = control instanceof RadioNodeList ? [...control] : [...(control.options ?? [])];
  if (options.length === 0) {
    control.value = value;
    return;
  }
  const same = options.find((option) => option.value.toLowerCase() === value.toLowerCase());
  if (same) control.value = same.value;
}

async function update() {
  clearTimeout(timer);
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const asked = customer();
  form.setAttribute("aria-busy", "true");
  try {
    const response = await ask("v2/customers?reasons=all", { json: asked, signal });
    const found = await response.json();
    if (signal.aborted) return;
    mark([]);
    trouble.replaceChildren();
    answer.hidden = false;
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
  placeMini();
  const shown = problem.errors?.length > 0 && elsewhere.length === 0;
  const text = { ...problem, detail: shown ? hint(problem.errors) : problem.message };
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

export function start() {
  follow((name) => form.elements[name].value, customer);
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(update, PAUSE_MS);
  };
  form.addEventListener("input", later);
  form.addEventListener("reset", later);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    update();
  });
  addEventListener("online", update);
  document.getElementById("copy").addEventListener("click", copy);
  watchAnswer();
  update();
}
