// Elements of the page. Text goes in as text: nothing that came from a customer or the API is ever read as HTML.

/** An element with properties (or attributes, where the name has a hyphen or is "role") and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** A box that says what went wrong in the API's own words, with a button to try again if there is a way. */
export function problemBox(problem, again) {
  const box = make("div", { className: "problem", role: "alert" }, make("h3", {}, problem.title), make("p", {}, problem.detail));
  if (problem.request_id && problem.status >= 500) {
    box.append(make("p", { className: "muted" }, `Request ${problem.request_id}`));
  }
  if (again) {
    const button = make("button", { type: "button" }, "Try again");
    button.addEventListener("click", again);
    box.append(button);
  }
  return box;
}

/** A table with a heading row; the first cell of each row is its heading. Numbers go right. */
export function table(columns, rows, caption) {
  const cell = (value, index) =>
    make(
      index === 0 ? "th" : "td",
      { className: typeof value === "number" ? "number" : "", ...(index === 0 ? { scope: "row" } : {}) },
      typeof value === "number" ? value.toLocaleString("en") : value,
    );
  return make(
    "table",
    {},
    ...(caption ? [make("caption", {}, caption)] : []),
    make("thead", {}, make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell)))),
  );
}

const fieldOf = (feature) => document.querySelector(`#customer-form [data-feature="${CSS.escape(feature)}"]`);

/** The name of a feature as the form has it: in plain words. */
export const featureName = (feature) => fieldOf(feature)?.querySelector(".label").textContent ?? feature;

/** A word of a feature as the form has it: 1 may be "Yes". */
export function wordFor(feature, word) {
  const option = fieldOf(feature)?.querySelector(`[value="${CSS.escape(word)}"]`);
  return (option?.textContent || option?.parentElement.textContent)?.trim() ?? word;
}
