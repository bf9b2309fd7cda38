// The summary of a list as tiles, bars and words; every number in it is one of the API's.
import { make } from "../dom.js";
import { count, counted, money, share } from "../format.js";

const NAMES = { high: "High risk", medium: "Medium risk", low: "Low risk" };

function tile(name, value, note = "", className = "") {
  const figure = make("strong", {}, value);
  // A large sum is set smaller, so that it fits.
  figure.style.setProperty("--length", value.length);
  return make("div", { className }, make("dt", {}, name), make("dd", {}, figure, ...(note ? [make("span", {}, note)] : [])));
}

/** What the whole file came to. */
export function tiles(summary) {
  const rejected = summary.rows_rejected;
  const counts = [
    tile("Customers in the file", count(summary.rows_in)),
    tile("Scored", count(summary.rows_scored)),
    tile("To mend", count(rejected), "", rejected ? "has-rejected" : ""),
  ];
  // Of nobody the zeros would look like a result.
  if (!summary.rows_scored) return counts;
  return [
    ...counts,
    ...Object.entries(summary.tiers).map(([tier, customers]) => tile(NAMES[tier] ?? tier, count(customers), "", `is-${tier}`)),
    tile("Expected to leave", ...counted(Math.round(summary.expected_churners), "customer").split(" ")),
    tile("Money at risk", money(summary.value_at_risk), "a month"),
  ];
}

/** What the list comes to that begins at one line of `by_threshold`. */
export function cutTiles(line, summary) {
  return [
    tile("To call", count(line.customers), `of ${count(summary.rows_scored)}`),
    tile("Of those who leave, reached", count(Math.round(line.expected_churners)), `of ${count(Math.round(summary.expected_churners))}`),
    tile("Money at risk", money(line.value_at_risk), `of ${money(summary.value_at_risk)} a month`),
  ];
}

/** Columns of how many customers have which risk, and the same as a table. Returns `mark(threshold)`: it darkens the list's. */
export function bands(root, tableRoot, distribution) {
  const most = Math.max(1, ...distribution.map((band) => band.customers));
  const columns = distribution.map((band) => {
    const fill = make("i", {});
    fill.style.height = `${(100 * band.customers) / most}%`;
    const column = make("span", { title: `${share(band.from)} to ${share(band.to)}: ${count(band.customers)}` }, fill);
    return column;
  });
  const line = make("b", {});
  const chart = make("div", { className: "histogram", "aria-hidden": "true" }, ...columns, line);
  const rows = distribution.map((band) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, `${share(band.from)} to ${share(band.to)}`),
      make("td", { className: "number" }, count(band.customers)),
    ),
  );
  const table = make(
    "table",
    {},
    make("caption", { className: "visually-hidden" }, "Customers by risk"),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Risk"), make("th", { scope: "col", className: "number" }, "Customers"))),
    make("tbody", {}, ...rows),
  );
  root.replaceChildren(chart);
  tableRoot.replaceChildren(table);
  return (threshold) => {
    line.style.left = `${100 * threshold}%`;
    for (const [index, column] of columns.entries()) column.classList.toggle("above-threshold", distribution[index].from >= threshold - 1e-9);
  };
}

// A bar and its number, the list's own above that of the customers the model was trained on.
function pair(ours, theirs, format) {
  const line = (value, className, of) => {
    const fill = make("i", { className, "aria-hidden": "true" });
    fill.style.setProperty("--share", `${100 * (value ?? 0)}%`);
    return make("div", { className: "bar-cell" }, fill, make("span", {}, make("span", { className: "visually-hidden" }, of), value === null ? "none" : format(value)));
  };
  return make("td", {}, line(ours, "this-list", "this list: "), line(theirs, "training-data", "the model\u2019s customers: "));
}

/** One table a segment: share and mean risk of each group, beside the customers the model was trained on. */
export function segments(found, labels) {
  return found.map(({ feature, groups }) => {
    const rows = groups.map(({ group, share: part, mean_probability: risk, training }) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, group),
        pair(part, training.share, share),
        pair(risk, training.mean_probability, share),
      ),
    );
    const heading = ["Group", "Share of customers", "Mean risk"].map((text) => make("th", { scope: "col" }, text));
    return make(
      "table",
      { className: "segment" },
      make("caption", {}, labels[feature] ?? feature),
      make("thead", {}, make("tr", {}, ...heading)),
      make("tbody", {}, ...rows),
    );
  });
}
