// The charts of the view "Model" that show how good the model is; those of its terms are in model_terms.js.
import { drawChart } from "./charts.js";
import { formatCount, formatProbability, formatShare } from "./format.js";

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
