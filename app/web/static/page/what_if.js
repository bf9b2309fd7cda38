// What would change the risk, by /v2/what-if: a form of changes, the suggested offers, and all single changes by effect.
import { request } from "./api.js";
import { announce, byId, controlOf, create, featureLabel, isMoney, valueText } from "./dom.js";
import { formatDifference, formatRisk, normalizeNumber, PER_PERIOD, tierLabel } from "./format.js";

const INPUT_DELAY_MS = 80;

const form = byId("what-if-form");
const resetButton = byId("what-if-reset");
const result = byId("what-if-result");
const features = [...form.querySelectorAll(".field")].map((field) => field.dataset.feature);
const changed = new Set();
let getValue = null;
let getCustomer = null;
let timer = 0;
let controller = new AbortController();

/** Start with functions that return the value of a feature, and the whole customer, of the customer's form. */
export function startWhatIf(readValue, readCustomer) {
  getValue = readValue;
  getCustomer = readCustomer;
  form.addEventListener("input", (event) => {
    changed.add(event.target.name);
    showSliderValues();
    clearTimeout(timer);
    timer = setTimeout(update, INPUT_DELAY_MS);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  resetButton.addEventListener("click", () => {
    clearChanges();
    copyCustomer();
    update();
    form.querySelector("input, select").focus();
  });
}

/** Forget the changes; another customer is shown next. */
export function clearChanges() {
  changed.clear();
}

/** Show what could be offered to `customer`, whose answer of /v2/customers is `answer`. */
export async function showWhatIf(customer, answer, signal) {
  copyCustomer();
  byId("suggestions").replaceChildren(...answer.actions.map((action) => change(action.suggestion, action)));
  // A model may have no table of offers.
  if (byId("no-suggestions")) byId("no-suggestions").hidden = answer.actions.length > 0;
  byId("caution").textContent = answer.caution;
  const response = await request("v2/what-if", { json: { customer }, signal });
  const { alternatives } = await response.json();
  if (signal.aborted) return;
  byId("single-changes").replaceChildren(
    ...alternatives.map((alternative) => change(describeChanges(alternative), alternative)),
  );
  await update();
}

/** Set every control that was not changed to the customer's value. */
function copyCustomer() {
  for (const name of features) {
    if (changed.has(name)) continue;
    const control = controlOf(form, name);
    if (control.type === "range") {
      // Of a number that is not known, the slider begins at the lowest.
      const value = Number(normalizeNumber(getValue(name)) || control.dataset.lowest);
      control.min = Math.min(control.dataset.lowest, value);
      control.max = Math.max(control.dataset.highest, value);
      control.value = value;
    } else {
      control.value = getValue(name);
    }
  }
  showSliderValues();
}

function showSliderValues() {
  for (const output of form.querySelectorAll("output")) {
    const slider = byId(output.htmlFor.value);
    const isKnown = changed.has(slider.name) || getValue(slider.name).trim() !== "";
    output.textContent = valueText(slider.name, isKnown ? Number(slider.value) : null);
    slider.setAttribute("aria-valuetext", `${output.textContent}${isMoney(slider.name) ? PER_PERIOD : ""}`);
  }
}

/** Request and show the risk with all changes of the form. */
async function update() {
  clearTimeout(timer);
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  resetButton.hidden = changed.size === 0;
  if (changed.size === 0) {
    result.replaceChildren(create("span", { className: "help" }, "Change a value to see how the risk would change."));
    return;
  }
  const changes = Object.fromEntries([...changed].map((name) => [name, controlValue(controlOf(form, name))]));
  try {
    const response = await request("v2/what-if", { json: { customer: getCustomer(), changes: [changes] }, signal });
    const { alternatives, probability } = await response.json();
    if (!signal.aborted) showResult(probability, alternatives[0]);
  } catch (error) {
    if (error.name !== "AbortError") result.replaceChildren(create("span", { className: "error" }, error.message));
  }
}

const controlValue = (control) => (control.type === "range" ? sliderValue(control) : control.value);

/** The position of a slider in numbers that people would write: a hundredth of its range is the finest. */
function sliderValue({ step, min, max, value }) {
  const finest = Math.floor(Math.log10((max - min) / 100 || 1));
  return Number(value).toFixed(step === "any" ? Math.max(2, -finest) : 0);
}

function showResult(before, { probability, tier, difference, notes = [] }) {
  const after = formatRisk(probability);
  result.replaceChildren(
    create("span", { className: "from-to" }, `${formatRisk(before)} → `, create("strong", {}, after)),
    create("span", { className: `pill ${tier}` }, tierLabel(tier)),
    create("span", { className: "difference" }, formatDifference(difference)),
    ...notes.map((note) => create("span", { className: "help" }, note)),
  );
  announce([`With these changes ${after}, ${formatDifference(difference)}, ${tierLabel(tier)}`, ...notes].join(". "));
}

const change = (text, { probability, difference }) =>
  create(
    "li",
    {},
    create("span", {}, text),
    create(
      "span",
      { className: "effect" },
      create("strong", {}, formatRisk(probability)),
      ` ${formatDifference(difference)}`,
    ),
  );

const describeChanges = ({ changes }) =>
  Object.entries(changes)
    .map(([name, value]) => `${featureLabel(name)}: ${valueText(name, value)}`)
    .join(", ");
