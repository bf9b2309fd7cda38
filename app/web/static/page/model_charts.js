// The charts of the view "Model".
import { drawChart } from "./charts.js";
import { create, featureLabel, optionText } from "./dom.js";
import { formatCount, formatDecimals, formatMoney, formatProbability, formatShare } from "./format.js";

const percentAxis = (text) => ({
  type: "linear",
  min: 0,
  max: 1,
  title: { display: true, text },
  ticks: { callback: formatShare },
});
const diagonal = (colours) => ({
  type: "line",
  data: [
    { x: 0, y: 0 },
    { x: 1, y: 1 },
  ],
  borderColor: colours.strongBorder,
  borderWidth: 1,
  borderDash: [4, 4],
  pointRadius: 0,
  pointHitRadius: 0,
});
const tooltip = (label) => ({ tooltip: { callbacks: { label } } });

/** The predicted risk and the share that left, for groups of customers. */
export function drawCalibration(root, bins) {
  const largest = Math.max(...bins.map((bin) => bin.customers));
  return drawChart(root, {
    label: "The predicted risk compared with the share that left, by groups.",
    columns: ["Predicted risk", "On average", "Left", "Customers"],
    rows: bins.map((bin) => [
      `${formatShare(bin.from)} to ${formatShare(bin.to)}`,
      formatProbability(bin.mean_probability),
      formatProbability(bin.churn_rate),
      bin.customers,
    ]),
    configure: (colours) => ({
      type: "scatter",
      data: {
        datasets: [
          {
            data: bins.map((bin) => ({ x: bin.mean_probability, y: bin.churn_rate, customers: bin.customers })),
            backgroundColor: colours.accent,
            clip: false,
            pointRadius: bins.map((bin) => 3 + 9 * Math.sqrt(bin.customers / largest)),
          },
          diagonal(colours),
        ],
      },
      options: {
        scales: { x: percentAxis("Predicted risk"), y: percentAxis("Share that left") },
        plugins: tooltip(
          ({ raw }) =>
            `${formatCount(raw.customers)} customers: predicted ${formatProbability(raw.x)}, left ${formatProbability(raw.y)}`,
        ),
      },
    }),
  });
}

/** The share of leavers found for each share of stayers called (ROC), with the threshold in use. */
export function drawRoc(root, points, threshold) {
  const distance = (point) => Math.abs(point.threshold - threshold);
  const inUse = points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
  const position = (point) => ({
    x: point.false_positive_rate,
    y: point.true_positive_rate,
    threshold: point.threshold,
  });
  return drawChart(root, {
    label: "The share of leavers found, for each share of stayers called as well (ROC).",
    columns: ["Threshold", "Leavers found", "Stayers called as well"],
    rows: points.map((point) => [
      formatShare(point.threshold),
      formatProbability(point.true_positive_rate),
      formatProbability(point.false_positive_rate),
    ]),
    configure: (colours) => ({
      type: "scatter",
      data: {
        datasets: [
          { data: [position(inUse)], backgroundColor: colours.high, pointRadius: 6, pointHoverRadius: 7 },
          {
            type: "line",
            data: points.map(position),
            borderColor: colours.accent,
            borderWidth: 2,
            pointRadius: 0,
            pointHitRadius: 8,
          },
          diagonal(colours),
        ],
      },
      options: {
        scales: { x: percentAxis("Stayers called as well"), y: percentAxis("Leavers found") },
        plugins: tooltip(
          ({ raw }) =>
            `threshold ${formatShare(raw.threshold)}: finds ${formatProbability(raw.y)} of the leavers, calls ${formatProbability(raw.x)} of the stayers`,
        ),
      },
    }),
  });
}

const valuesOf = (term) => (term.table ? Object.values(term.table) : term.points);
const rangeOf = (term) => Math.max(...valuesOf(term)) - Math.min(...valuesOf(term));

/** A chart for each term, the one with the largest effect first, all on the same scale. */
export async function drawTerms(root, terms) {
  root.replaceChildren();
  if (terms.length === 0)
    root.append(create("p", {}, "This kind of model has no terms that could be drawn one by one."));
  const values = terms.flatMap(valuesOf);
  const scale = { min: Math.floor(Math.min(0, ...values)), max: Math.ceil(Math.max(0, ...values)) };
  for (const term of [...terms].sort((a, b) => rangeOf(b) - rangeOf(a))) {
    const section = create("section", {}, create("h3", {}, featureLabel(term.feature)));
    root.append(section);
    await drawChart(section, termChart(term, scale));
  }
}

function termChart(term, scale) {
  const name = featureLabel(term.feature);
  const points = term.table
    ? Object.entries(term.table).map(([value, effect]) => [optionText(term.feature, value), effect])
    : term.knots.map((knot, index) => [formatKnot(knot), term.points[index]]);
  const yAxis = (colours) => ({
    ...scale,
    grid: { color: ({ tick }) => (tick.value === 0 ? colours.strongBorder : colours.border) },
  });
  const plugins = {
    tooltip: { displayColors: false, callbacks: { label: ({ parsed }) => `adds ${formatDecimals(parsed.y, 2)}` } },
  };
  const bars = (colours) => ({
    type: "bar",
    data: {
      labels: points.map(([value]) => value.replace(/ \(.*\)$/, "").split(" ")),
      datasets: [
        {
          data: points.map(([, effect]) => effect),
          backgroundColor: points.map(([, effect]) => (effect > 0 ? colours.high : colours.low)),
          maxBarThickness: 40,
        },
      ],
    },
    options: { scales: { x: { grid: { display: false }, ticks: { autoSkip: false } }, y: yAxis(colours) }, plugins },
  });
  const line = (colours) => ({
    type: "line",
    data: {
      datasets: [
        {
          data: term.knots.map((knot, index) => ({ x: knot, y: term.points[index] })),
          borderColor: colours.accent,
          backgroundColor: colours.accent,
          borderWidth: 2,
          pointRadius: 3,
        },
      ],
    },
    options: { scales: { x: { type: "linear", grid: { display: false } }, y: yAxis(colours) }, plugins },
  });
  return {
    label: `How much ${name} adds to the log-odds of leaving.`,
    columns: [name, "Adds"],
    rows: points.map(([value, effect]) => [value, formatDecimals(effect, 2)]),
    configure: term.table ? bars : line,
  };
}

const formatKnot = (value) => (Number.isInteger(value) ? formatCount(value) : formatMoney(value).replace("$", ""));
