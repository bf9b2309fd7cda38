// The view "Single customer": sends the form to /v2/customers as it is filled in, and shows the answer or the errors.
import { apiUrl, request } from "./api.js";
import { aliasesOf, announce, byId, controlOf, errorBox, isNumber, numberText, OTHER } from "./dom.js";
import { formatCount, formatRisk, normalizeNumber, tierLabel } from "./format.js";
import { showRisk } from "./risk.js";
import { clearChanges, showWhatIf, startWhatIf } from "./what_if.js";

const PATH = "v2/customers?reasons=all";
const INPUT_DELAY_MS = 250;
const RETRY_DELAY_MS = 3000;
// A row that was scored has no other commas in its numbers.
const DECIMAL_COMMA = /^([\s+-]*\d*),(\d)/;
const LIKE_THOUSANDS = /^\s*[1-9]\d{0,2}\.\d{3}\s*$/;

const form = byId("customer-form");
const result = byId("customer-result");
const loading = byId("customer-loading");
const problem = byId("customer-problem");
const source = byId("customer-source");
const riskBar = byId("risk-bar");
const features = [...form.querySelectorAll(".field")].map((field) => field.dataset.feature);
let timer = 0;
let controller = null;
let resultIsVisible = false;
/** Sends the last request again: for the form, or for the customer of a list that is being opened. */
let retry = () => update();

/** The customer of the form: words as they are, numbers in the form that the API accepts. */
const readForm = () =>
  Object.fromEntries(
    [...new FormData(form)].map(([name, value]) => [name, isNumber(name) ? normalizeNumber(value) : value]),
  );

/** The name of a column without what nobody sees, case and Unicode form, as the API compares it. */
const fold = (name) =>
  name
    .replace(/\p{DI}/gu, "")
    .trim()
    .normalize("NFC")
    .toLowerCase();

/** Show the view with a scored row of a list: its values by column name, and its row number. */
export function showCustomer(values, row) {
  const byFolded = new Map(Object.keys(values).map((column) => [fold(column), column]));
  const columnOf = (name) => (Object.hasOwn(values, name) ? name : byFolded.get(fold(name)));
  const columnValue = (...names) => {
    const column = names.map(columnOf).find((match) => match !== undefined);
    return column === undefined ? "" : String(values[column]);
  };
  const customer = Object.fromEntries(
    features.map((name) => {
      const cell = columnValue(name, ...aliasesOf(name));
      return [name, isNumber(name) ? cell.replace(DECIMAL_COMMA, "$1.$2") : cell];
    }),
  );
  location.hash = "#customer";
  return openCustomer(
    (form.dataset.idName && columnValue(form.dataset.idName).trim()) || `Row ${formatCount(row)}`,
    customer,
  );
}

/** Open a customer of a list. The form and the answer of the customer before are hidden until the new answer arrives. */
async function openCustomer(name, customer) {
  retry = () => openCustomer(name, customer);
  const signal = startRequest();
  showSource("");
  form.inert = true;
  result.hidden = true;
  loading.hidden = false;
  problem.replaceChildren();
  showRiskBar();
  try {
    // The API knows how a word or number may be written: its reasons have each value as the form has it.
    const response = await request(PATH, { json: customer, signal });
    for (const { feature, value } of (await response.json()).reasons) {
      // A pair has the values of two features, which have reasons of their own.
      if (feature) controlOf(form, feature).value = value === OTHER ? customer[feature] : (value ?? "");
    }
    clearChanges();
    showSource(name);
    await update();
  } catch (error) {
    if (error.name !== "AbortError") showError(error, name);
  }
}

function showSource(name) {
  source.hidden = name === "";
  source.querySelector("strong").textContent = name;
  source.querySelector("em").textContent = "";
}

/** Cancel the request before, and return the signal of a new one. */
function startRequest() {
  clearTimeout(timer);
  controller?.abort();
  controller = new AbortController();
  return controller.signal;
}

async function update() {
  retry = update;
  const signal = startRequest();
  const customer = readForm();
  showParsedNumbers();
  form.inert = false;
  form.setAttribute("aria-busy", "true");
  try {
    const response = await request(PATH, { json: customer, signal });
    const answer = await response.json();
    if (signal.aborted) return;
    markFields([]);
    problem.replaceChildren();
    result.hidden = false;
    loading.hidden = true;
    showRisk(answer);
    showRiskBar(answer);
    showCurl(customer);
    announce(`${formatRisk(answer.probability)}, ${tierLabel(answer.tier)}`);
    await showWhatIf(customer, answer, signal);
  } catch (error) {
    if (error.name !== "AbortError") showError(error);
  } finally {
    if (!signal.aborted) form.removeAttribute("aria-busy");
  }
}

/** Show an error at the fields that the API names, else in place of the answer. `name`: the customer that was to be opened. */
function showError(error, name) {
  const errors = name ? [] : (error.errors ?? []);
  const otherErrors = markFields(errors);
  form.inert = false;
  result.hidden = true;
  loading.hidden = true;
  showRiskBar();
  const isMarked = errors.length > 0 && otherErrors.length === 0;
  problem.replaceChildren(
    errorBox(
      { ...error, detail: isMarked ? fieldSummary(errors) : errorDetail(error, name) },
      isMarked ? null : () => retry(),
    ),
  );
  if (error.code === "offline") timer = setTimeout(() => retry(), RETRY_DELAY_MS);
}

function errorDetail(error, name) {
  if (error.code !== "offline") return error.message;
  return name
    ? `${name} will open when the connection is back.`
    : `${error.message} The page will try again automatically.`;
}

const fieldSummary = (errors) =>
  errors.length === 1
    ? errors[0].message
    : `${errors.length} fields are marked in the form, each with the values it accepts.`;

/** Mark the fields that have errors, and return the messages that belong to no field. */
function markFields(errors) {
  const messages = new Map();
  for (const { field, message } of errors) messages.set(field, [...(messages.get(field) ?? []), message]);
  for (const field of form.querySelectorAll(".field")) {
    const fieldMessages = messages.get(field.dataset.feature) ?? [];
    messages.delete(field.dataset.feature);
    field.querySelector(".error").textContent = fieldMessages.join(" ");
    const control = field.querySelector("[role=radiogroup], select, input");
    if (fieldMessages.length > 0) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  return [...messages.values()];
}

/** Show how a number was read that would be another one in German. */
function showParsedNumbers() {
  for (const note of form.querySelectorAll(".parsed-note")) {
    const { feature } = note.closest(".field").dataset;
    const { value } = controlOf(form, feature);
    note.textContent = LIKE_THOUSANDS.test(value)
      ? `Read as ${numberText(feature, Number(value))}: the point is the decimal mark.`
      : "";
  }
}

function showCurl(customer) {
  const key = document.documentElement.dataset.needsKey ? ' -H "X-Api-Key: $KEY"' : "";
  // A single quote ends the shell's string and has to be outside of it.
  const body = JSON.stringify(customer, null, 1).replace(/\n\s*/g, " ").replaceAll("'", "'\\''");
  byId("curl-command").textContent =
    `curl ${apiUrl("v2/customers")}${key} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

async function copyCurl() {
  const command = byId("curl-command");
  const status = byId("copy-status");
  try {
    await navigator.clipboard.writeText(command.textContent);
    status.textContent = "Copied.";
  } catch {
    // A frame may not be allowed to; then the text is selected, ready for Ctrl+C.
    getSelection().selectAllChildren(command);
    status.textContent = "Selected: copy it with Ctrl+C.";
  }
}

/** Show the risk at the bottom of a phone's screen, while there is an answer that is out of sight. */
function showRiskBar(answer) {
  if (answer) {
    const [pill, probability] = riskBar.children;
    pill.className = `pill ${answer.tier}`;
    pill.textContent = tierLabel(answer.tier);
    probability.textContent = formatRisk(answer.probability);
  }
  riskBar.hidden = resultIsVisible || result.hidden || result.closest("section").hidden;
}

startWhatIf((name) => controlOf(form, name).value, readForm);

export function start() {
  const updateLater = () => {
    clearTimeout(timer);
    timer = setTimeout(update, INPUT_DELAY_MS);
  };
  form.addEventListener("input", () => {
    source.querySelector("em").textContent = ", changed here";
    updateLater();
  });
  form.addEventListener("reset", () => {
    showSource("");
    clearChanges();
    updateLater();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    update();
  });
  addEventListener("online", () => retry());
  byId("copy-command").addEventListener("click", copyCurl);
  riskBar.addEventListener("click", () => {
    byId("risk-title").focus();
    byId("risk-title").scrollIntoView();
  });
  new IntersectionObserver(([entry]) => {
    resultIsVisible = entry.isIntersecting;
    showRiskBar();
  }).observe(result.querySelector(".risk-headline"));
  // A row of a list may have opened the view, with a request of its own.
  if (controller === null) update();
}
