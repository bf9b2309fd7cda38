// The charts of the view "The model".
import { chart } from "./charts.js";
import { featureName, make, wordFor } from "./dom.js";
import { count, decimals, money, probability, share } from "./format.js";

const percentAxis = (text) => ({ type: "linear", min: 0, max: 1, title: { display: true, text }, ticks: { callback: share } });
const straight = (colours) => ({
  label: "right",
  type: "line",
  data: [{ x: 0, y: 0 }, { x: 1, y: 1 }],
  borderColor: colours["border-strong"],
  borderWidth: 1,
  borderDash: [4, 4],
  pointRadius: 0,
  pointHitRadius: 0,
});

/** The stated risk beside what happened, in groups of customers. */
export function calibration(root, bins) {
  const most = Math.max(...bins.map((bin) => bin.customers));
  return chart(root, {
    label: "The risk that was stated beside the share that left, by groups.",
    columns: ["Stated risk", "On average", "Left", "Customers"],
    rows: bins.map((bin) => [
      `${share(bin.from)} to ${share(bin.to)}`,
      probability(bin.mean_probability),
      probability(bin.churn_rate),
      bin.customers,
    ]),
    describe: (colours) => ({
      type: "scatter",
      data: {
        datasets: [
          {
            data: bins.map((bin) => ({ x: bin.mean_probability, y: bin.churn_rate, customers: bin.customers })),
            backgroundColor: colours.accent,
            clip: false,
            pointRadius: bins.map((bin) => 3 + 9 * Math.sqrt(bin.customers / most)),
          },
          straight(colours),
        ],
      },
      options: {
        scales: { x: percentAxis("Stated risk"), y: percentAxis("Share that left") },
        plugins: {
          tooltip: {
            callbacks: {
              label: ({ raw }) => `${count(raw.customers)} customers: stated ${probability(raw.x)}, left ${probability(raw.y)}`,
            },
          },
        },
      },
    }),
  });
}

/** How many leavers are found for how many who stay, with the cut-off in use. */
export function roc(root, points, threshold) {
  const chosen = points.reduce((best, each) =>
    Math.abs(each.threshold - threshold) < Math.abs(best.threshold - threshold) ? each : best,
  );
  const place = (each) => ({ x: each.false_positive_rate, y: each.true_positive_rate, threshold: each.threshold });
  return chart(root, {
    label: "The share of leavers found, for each share of stayers called as well (ROC).",
    columns: ["Cut-off", "Leavers found", "Stayers called as well"],
    rows: points.map((each) => [share(each.threshold), probability(each.true_positive_rate), probability(each.false_positive_rate)]),
    describe: (colours) => ({
      type: "scatter",
      data: {
        datasets: [
          { data: [place(chosen)], backgroundColor: colours.high, pointRadius: 6, pointHoverRadius: 7 },
          {
            type: "line",
            data: points.map(place),
            borderColor: colours.accent,
            borderWidth: 2,
            pointRadius: 0,
            pointHitRadius: 8,
          },
          straight(colours),
        ],
      },
      options: {
        scales: { x: percentAxis("Stayers called as well"), y: percentAxis("Leavers found") },
        plugins: {
          tooltip: {
            callbacks: {
              label: ({ raw }) => `from ${share(raw.threshold)}: finds ${probability(raw.y)}, calls ${probability(raw.x)} of those who stay`,
            },
          },
        },
      },
    }),
  });
}

/** Each term on the same scale, the one that moves most first. */
export async function shapes(root, terms) {
  const values = (term) => (term.table ? Object.values(term.table) : term.points);
  const span = (term) => Math.max(...values(term)) - Math.min(...values(term));
  const all = terms.flatMap(values);
  const [lowest, highest] = [Math.floor(Math.min(0, ...all)), Math.ceil(Math.max(0, ...all))];
  root.replaceChildren();
  if (all.length === 0) root.append(make("p", {}, "This kind of model has no parts that could be drawn one by one."));
  for (const term of [...terms].sort((one, other) => span(other) - span(one))) {
    const holder = make("section", {}, make("h3", {}, featureName(term.feature)));
    root.append(holder);
    await chart(holder, shape(term, { min: lowest, max: highest }));
  }
}

function shape(term, y) {
  const name = featureName(term.feature);
  const at = (value) => (Number.isInteger(value) ? count(value) : money(value).replace("$", ""));
  const found = term.table
    ? Object.entries(term.table).map(([word, value]) => [wordFor(term.feature, word), value])
    : term.knots.map((knot, index) => [at(knot), term.points[index]]);
  const zero = (colours) => ({ ...y, grid: { color: ({ tick }) => (tick.value === 0 ? colours["border-strong"] : colours.border) } });
  const common = { label: `What ${name} adds to the log-odds of leaving.`, columns: [name, "Adds"] };
  const rows = found.map(([word, value]) => [word, decimals(value, 2)]);
  const tooltip = { displayColors: false, callbacks: { label: ({ parsed }) => `adds ${decimals(parsed.y, 2)}` } };
  if (term.table) {
    return {
      ...common,
      rows,
      describe: (colours) => ({
        type: "bar",
        data: {
          labels: found.map(([word]) => word.replace(/ \(.*\)$/, "").split(" ")),
          datasets: [
            { data: found.map(([, value]) => value), backgroundColor: found.map(([, value]) => (value > 0 ? colours.high : colours.low)), maxBarThickness: 40 },
          ],
        },
        options: { scales: { x: { grid: { display: false }, ticks: { autoSkip: false } }, y: zero(colours) }, plugins: { tooltip } },
      }),
    };
  }
  return {
    ...common,
    rows,
    describe: (colours) => ({
      type: "line",
      data: {
        datasets: [
          { data: term.knots.map((knot, index) => ({ x: knot, y: term.points[index] })), borderColor: colours.accent, backgroundColor: colours.accent, borderWidth: 2, pointRadius: 3 },
        ],
      },
      options: { scales: { x: { type: "linear", grid: { display: false } }, y: zero(colours) }, plugins: { tooltip } },
    }),
  };
}
