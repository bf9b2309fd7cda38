// What would change the risk, by /v2/what-if: switches and a slider, the suggestions, and every single change ranked.
import { announce, ask } from "./api.js";
import { featureName, make, wordFor } from "./dom.js";
import { money, points, probability, risk, typed } from "./format.js";

const PAUSE_MS = 80;

const part = (id) => document.getElementById(id);
const form = part("what-if-form");
const undo = part("what-if-reset");
const said = part("what-if-result");
const touched = new Set();
const names = [...form.querySelectorAll(".field")].map((each) => each.dataset.feature);
let customerValue = null;
let customer = null;
let timer = 0;
let running = new AbortController();

/** Take the value of a feature, and the whole customer, from the form of the customer. */
export function follow(value, all) {
  customerValue = value;
  customer = all;
  form.addEventListener("input", (event) => {
    touched.add(event.target.name);
    label();
    clearTimeout(timer);
    timer = setTimeout(move, PAUSE_MS);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  undo.addEventListener("click", () => {
    forget();
    align();
    move();
    form.querySelector("input, select").focus();
  });
}

/** Let the switches follow another customer. */
export function forget() {
  touched.clear();
}

/** Show what could be offered to `asked`, whose answer of /v2/customers is `found`. */
export async function compare(asked, found, signal) {
  align();
  showOffers(found);
  const response = await ask("v2/what-if", { json: { customer: asked }, signal });
  const { alternatives } = await response.json();
  if (signal.aborted) return;
  part("single-changes").replaceChildren(...alternatives.map((each) => offer(changesOf(each), each)));
  await move();
}

/** Let every switch that was not moved stand where the customer is. */
function align() {
  for (const name of names) {
    if (touched.has(name)) continue;
    const control = form.elements[name];
    if (control.type === "range") {
      const value = Number(typed(customerValue(name)));
      control.min = Math.min(control.dataset.lowest, value);
      control.max = Math.max(control.dataset.highest, value);
      control.value = value;
    } else {
      control.value = customerValue(name);
    }
  }
  label();
}

function label() {
  for (const output of form.querySelectorAll("output")) {
    const slider = document.getElementById(output.htmlFor.value);
    output.textContent = money(Number(slider.value));
    slider.setAttribute("aria-valuetext", `${output.textContent} a month`);
  }
}

/** Ask for the risk with all switches as they stand. */
async function move() {
  clearTimeout(timer);
  running.abort();
  running = new AbortController();
  const { signal } = running;
  undo.hidden = touched.size === 0;
  if (touched.size === 0) {
    said.replaceChildren(make("span", { className: "help" }, "Move a switch to see how the risk would differ."));
    return;
  }
  const wanted = Object.fromEntries([...touched].map((name) => [name, amount(form.elements[name])]));
  try {
    const response = await ask("v2/what-if", { json: { customer: customer(), changes: [wanted] }, signal });
    const { alternatives, probability: before } = await response.json();
    if (signal.aborted) return;
    show(before, alternatives[0]);
  } catch (problem) {
    if (problem.name !== "AbortError") said.replaceChildren(make("span", { className: "error" }, problem.message));
  }
}

const amount = (control) => (control.type === "range" ? Number(control.value).toFixed(2) : control.value);

function show(before, { probability: after, tier, difference }) {
  said.replaceChildren(
    make("span", { className: "from-to" }, `${probability(before)} → `, make("strong", {}, probability(after))),
    make("span", { className: `pill ${tier}` }, risk(tier)),
    make("span", { className: "difference" }, points(difference)),
  );
  announce(`With these changes ${probability(after)}, ${points(difference)}, ${risk(tier)}`);
}

function showOffers({ actions, caution }) {
  part("suggestions").replaceChildren(...actions.map((each) => offer(each.suggestion, each)));
  part("no-suggestions").hidden = actions.length > 0;
  part("caution").textContent = caution;
}

const offer = (text, { probability: after, tier, difference }) =>
  make(
    "li",
    {},
    make("span", {}, text),
    make("span", { className: "effect" }, make("strong", { className: `only-${tier}` }, probability(after)), ` ${points(difference)}`),
  );

const changesOf = ({ changes }) =>
  Object.entries(changes)
    .map(([name, value]) => `${featureName(name)}: ${typeof value === "number" ? money(value) : wordFor(name, value)}`)
    .join(", ");
