// Elements of the page. Text is always inserted as text: nothing from a customer or the API is parsed as HTML.

export const byId = (id) => document.getElementById(id);

/** Create an element with properties (attributes, where the name has a hyphen or is "role") and children. */
export function create(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** A box with the title and detail of an error, and a button if `retry` is given. */
export function errorBox(error, retry) {
  const box = create(
    "div",
    { className: "problem", role: "alert" },
    create("h3", {}, error.title ?? "Something went wrong"),
    create("p", {}, error.detail ?? error.message),
  );
  if (error.request_id && error.status >= 500)
    box.append(create("p", { className: "muted" }, `Request ${error.request_id}`));
  if (retry) {
    const button = create("button", { type: "button" }, "Try again");
    button.addEventListener("click", retry);
    box.append(button);
  }
  return box;
}

/** A table with a header row; the first cell of each row is its header. Columns of numbers are aligned right. */
export function createTable(columns, rows, { caption, captionIsHidden = false, className = "" } = {}) {
  const alignment = (value) => (typeof value === "number" ? "number" : "");
  const header = (name, index) => create("th", { scope: "col", className: alignment(rows[0]?.[index]) }, name);
  const cell = (value, index) =>
    create(
      index === 0 ? "th" : "td",
      { className: alignment(value), ...(index === 0 ? { scope: "row" } : {}) },
      typeof value === "number" ? value.toLocaleString("en") : value,
    );
  return create(
    "table",
    { className },
    ...(caption ? [create("caption", { className: captionIsHidden ? "visually-hidden" : "" }, caption)] : []),
    create("thead", {}, create("tr", {}, ...columns.map(header))),
    create("tbody", {}, ...rows.map((row) => create("tr", {}, ...row.map(cell)))),
  );
}

/** A wide element that scrolls sideways, also by keyboard. */
export const scrollable = (label, ...children) =>
  create("div", { className: "scroll-x", tabIndex: 0, role: "region", "aria-label": label }, ...children);

const formField = (feature) => document.querySelector(`#customer-form [data-feature="${CSS.escape(feature)}"]`);

/** The label of a feature in the form. */
export const featureLabel = (feature) => formField(feature)?.querySelector(".label").textContent ?? feature;

/** The text of a feature's option in the form: 1 may be "Yes". */
export function optionText(feature, value) {
  const option = formField(feature)?.querySelector(`[value="${CSS.escape(value)}"]`);
  return (option?.textContent || option?.parentElement.textContent)?.trim() ?? value;
}

/** Have a screen reader read a text, without moving the focus. */
export function announce(text) {
  byId("announcer").textContent = text;
}
