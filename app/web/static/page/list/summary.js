// The summary of a list as tiles, bars and words. Every number is one of the API's.
import { byId, create, createTable, optionText } from "../dom.js";
import { formatCount, formatMoney, formatMoneyAtRisk, formatShare, PER_PERIOD, tierLabel } from "../format.js";

function tile(name, value, note = "", className = "") {
  const figure = create("strong", {}, value);
  // A long figure is set smaller, so that it fits.
  figure.style.setProperty("--length", value.length);
  return create(
    "div",
    { className },
    create("dt", {}, name),
    create("dd", {}, figure, ...(note ? [create("span", {}, note)] : [])),
  );
}

/** A tile unless the model has no money. */
const moneyTile = ({ value_at_risk: money }, note) =>
  money === undefined ? [] : [tile("Money at risk", formatMoney(money), note)];

/** The counts and sums of the whole file. */
export function summaryTiles(summary) {
  const rejected = summary.rows_rejected;
  const counts = [
    tile("Rows in the file", formatCount(summary.rows_in)),
    tile("Scored", formatCount(summary.rows_scored)),
    tile("Rejected", formatCount(rejected), "", rejected ? "has-rejected" : ""),
  ];
  // Without scored rows, zeros would look like a result.
  if (!summary.rows_scored) return counts;
  const leavers = Math.round(summary.expected_churners);
  return [
    ...counts,
    ...Object.entries(summary.tiers).map(([tier, customers]) =>
      tile(tierLabel(tier), formatCount(customers), "", `is-${tier}`),
    ),
    tile("Expected to leave", formatCount(leavers), leavers === 1 ? "customer" : "customers"),
    ...moneyTile(summary, PER_PERIOD.trim()),
  ];
}

/** What a call list with one threshold comes to: an entry of `by_threshold`. */
export function thresholdTiles(entry, summary) {
  return [
    tile("Customers to call", formatCount(entry.customers), `of ${formatCount(summary.rows_scored)}`),
    tile(
      "Expected leavers reached",
      formatCount(Math.round(entry.expected_churners)),
      `of ${formatCount(Math.round(summary.expected_churners))}`,
    ),
    ...moneyTile(entry, `of ${formatMoneyAtRisk(summary.value_at_risk)}`),
  ];
}

/** Draw how many customers have which risk, also as a table. Returns a function that shows a threshold in it. */
export function drawHistogram(distribution) {
  const largest = Math.max(1, ...distribution.map((bin) => bin.customers));
  const range = (bin) => `${formatShare(bin.from)} to ${formatShare(bin.to)}`;
  const columns = distribution.map((bin) => {
    const bar = create("i");
    bar.style.height = `${(100 * bin.customers) / largest}%`;
    return create("span", { title: `${range(bin)}: ${formatCount(bin.customers)}` }, bar);
  });
  const thresholdLine = create("b");
  byId("list-histogram").replaceChildren(
    create("div", { className: "histogram", "aria-hidden": "true" }, ...columns, thresholdLine),
  );
  byId("list-histogram-table").replaceChildren(
    createTable(
      ["Risk", "Customers"],
      distribution.map((bin) => [range(bin), bin.customers]),
      {
        caption: "Customers by risk",
        captionIsHidden: true,
      },
    ),
  );
  return (threshold) => {
    thresholdLine.style.left = `${100 * threshold}%`;
    for (const [index, column] of columns.entries()) {
      column.classList.toggle("above-threshold", distribution[index].from >= threshold - 1e-9);
    }
  };
}

/** A table for each segment: share and average risk of each group, compared with the training data. */
export function segmentTables(segments, labels) {
  return segments.map(({ feature, groups }) =>
    createTable(
      ["Group", "Share of customers", "Average risk"],
      groups.map(({ group, share, mean_probability: risk, training }) => [
        optionText(feature, group),
        comparison(share, training.share),
        comparison(risk, training.mean_probability),
      ]),
      { caption: labels[feature] ?? feature, className: "segment" },
    ),
  );
}

function comparison(value, trainingValue) {
  const line = (share, className, label) => {
    const bar = create("i", { className, "aria-hidden": "true" });
    bar.style.setProperty("--share", `${100 * (share ?? 0)}%`);
    const text = share === null ? "none" : formatShare(share);
    return create(
      "div",
      { className: "bar-cell" },
      bar,
      create("span", {}, create("span", { className: "visually-hidden" }, label), text),
    );
  };
  const fragment = document.createDocumentFragment();
  fragment.append(line(value, "this-list", "this list: "), line(trainingValue, "training-data", "training data: "));
  return fragment;
}
