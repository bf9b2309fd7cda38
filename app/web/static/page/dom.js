// Elements of the page. Text is always inserted as text: nothing from a customer or the API is parsed as HTML.
import { CURRENCY, formatMoney, formatNumber } from "./format.js";

/** Of a value that is missing. */
const NOT_KNOWN = "not known";
/** The word of the API for words that the training data had seldom or never. */
export const OTHER = "(other)";
/** The group of the API of customers with a word that is not known. */
const MISSING = "(missing)";

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

/** Whether a feature is a number. */
export const isNumber = (feature) => Boolean(formField(feature)?.querySelector("[inputmode]"));

/** Other names of the column of a feature. */
export const aliasesOf = (feature) => JSON.parse(formField(feature)?.dataset.aliases ?? "[]");

/** The words of a feature in the order of the form. */
export const wordsOf = (feature) =>
  [...formField(feature).querySelectorAll("option, [type=radio]")].map(({ value }) => value).filter(Boolean);

/** The text of a feature's word: 1 may be "Yes"; null is a missing one. */
export function optionText(feature, value) {
  if (value === OTHER) return "Other";
  if (value === MISSING) return "Not known";
  const option = formField(feature)?.querySelector(
    `:is(select option, [type=radio])[value="${CSS.escape(value ?? "")}"]`,
  );
  return (option?.textContent || option?.parentElement.textContent)?.trim() ?? value ?? "Not known";
}

/** A number of a feature: "$70.35", "12 GB". */
export function numberText(feature, value) {
  const unit = formField(feature)?.dataset.unit;
  if (unit === undefined) return formatMoney(value);
  const [sign, ...rest] = unit.split(" ");
  return sign === CURRENCY ? [formatMoney(value), ...rest].join(" ") : `${formatNumber(value)} ${unit}`.trim();
}

/** Whether a feature that can be changed is the money that is at risk. */
export const isMoney = (feature) => formField(feature)?.dataset.unit === undefined;

/** A value of a feature as people read it. */
export function valueText(feature, value) {
  if (!isNumber(feature)) return optionText(feature, value);
  return value === null ? NOT_KNOWN : numberText(feature, value);
}

// A feature may be called "elements" or "length".
const elementsOf = Object.getOwnPropertyDescriptor(HTMLFormElement.prototype, "elements").get;

/** The control of a feature in a form; of several radio buttons, all of them. */
export const controlOf = (form, feature) => elementsOf.call(form).namedItem(feature);

/** Have a screen reader read a text, without moving the focus. */
export function announce(text) {
  byId("announcer").textContent = text;
}
