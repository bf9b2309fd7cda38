// The view "One customer": the form's values to /v2/customers, and what comes back to the page.
import { ask } from "./api.js";
import { make, problemBox } from "./dom.js";
import { money, probability, typed } from "./format.js";

const PAUSE_MS = 250;

const form = document.getElementById("customer-form");
const answer = document.getElementById("customer-answer");
let timer = 0;
let running = new AbortController();

/** The customer of the form, as it was typed. */
function values() {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, typed(value)]));
}

/** Fill the form with a customer, such as a row of a list, and show the view. */
export function showCustomer(customer) {
  for (const [name, value] of Object.entries(customer)) {
    const field = form.elements[name];
    if (field) field.value = String(value);
  }
  location.hash = "#customer";
  update();
}

async function update() {
  running.abort();
  running = new AbortController();
  try {
    const response = await ask("v2/customers?reasons=all", { json: values(), signal: running.signal });
    const found = await response.json();
    answer.replaceChildren(
      make("p", {}, probability(found.probability)),
      make("p", {}, `${found.tier} risk, ${money(found.value_at_risk)} a month at risk`),
    );
  } catch (problem) {
    if (problem.name !== "AbortError") answer.replaceChildren(problemBox(problem, update));
  }
}

export function start() {
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, PAUSE_MS);
  });
  form.addEventListener("reset", () => setTimeout(update));
  update();
}
