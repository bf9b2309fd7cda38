// The view "Model": what /v2/model returns, in words, charts and tables.
import { request } from "./api.js";
import { byId, create, createTable, errorBox, featureLabel, scrollable } from "./dom.js";
import {
  formatCount,
  formatDate,
  formatDecimals,
  formatDistance,
  formatProbability,
  formatShare,
  pluralize,
} from "./format.js";
import { drawCalibration, drawRoc } from "./model_charts.js";
import { drawTerms } from "./model_terms.js";

const METRICS = {
  roc_auc: ["Ranking (ROC AUC)", "1 is perfect, 0.5 is chance"],
  pr_auc: ["Average precision (PR-AUC)", "higher is better"],
  top_decile_lift: ["Top-decile lift", "times as many leavers as among all customers"],
  brier: ["Brier score", "0 is perfect"],
  log_loss: ["Log loss", "0 is perfect"],
  ece: ["Calibration error (ECE)", "0 is perfect"],
};
// The usual limits for a population stability index: N. Siddiqi, Credit Risk Scorecards, 2006.
const SOMEWHAT_DIFFERENT = 0.1;
const VERY_DIFFERENT = 0.25;
/** With fewer customers, chance alone moves the index; LEAST_CUSTOMERS of model/bulk/population.py. */
const MIN_CUSTOMERS = 500;

/** Show how much the last scored list differs from the training data, by a summary of /v2/batches. */
export function showDrift({ drift, rows_scored: scored }) {
  const root = byId("model-drift");
  if (scored < MIN_CUSTOMERS) {
    const text = `The last list has ${pluralize(scored, "scored customer")}: too few to compare. At least ${MIN_CUSTOMERS} are needed.`;
    root.replaceChildren(create("p", {}, text));
    return;
  }
  const features = Object.entries(drift).sort(([, a], [, b]) => (b ?? 0) - (a ?? 0));
  if (features.length === 0) return;
  const rows = features.map(([name, index]) => {
    const [text, tier] = driftLevel(index);
    return [
      name === "probability" ? "Predicted risk" : featureLabel(name),
      create("span", { className: `pill ${tier}` }, text),
      index === null ? "" : formatDecimals(index, 3),
    ];
  });
  const different = features.filter(([, index]) => index !== null && index >= SOMEWHAT_DIFFERENT).length;
  const verdict =
    different === 0
      ? `Yes. The ${formatCount(scored)} customers of the list are like the training data, so the figures above should hold.`
      : `Not entirely. ${different} of ${features.length} ${different === 1 ? "differs" : "differ"}: use the risks as a ranking, and check the figures above on your own results.`;
  root.replaceChildren(
    create("p", {}, verdict),
    scrollable(
      "The last list compared with the training data",
      createTable(["Feature", "The list is", "Stability index"], rows),
    ),
  );
}

function driftLevel(index) {
  if (index === null) return ["not known", "medium"];
  if (index < SOMEWHAT_DIFFERENT) return ["similar", "low"];
  return index < VERY_DIFFERENT ? ["somewhat different", "medium"] : ["very different", "high"];
}

export async function start() {
  try {
    const model = await (await request("v2/model")).json();
    byId("model-problem").replaceChildren();
    byId("model-content").hidden = false;
    await show(model);
  } catch (error) {
    byId("model-problem").replaceChildren(errorBox(error, start));
  } finally {
    byId("model-loading").hidden = true;
  }
}

async function show(model) {
  const { threshold_choice: choice } = model;
  // Of a model that was written by hand nothing was measured.
  const metrics = model.metrics?.out_of_fold && model.metrics;
  byId("model-facts").replaceChildren(
    ...facts(model).map(([name, value]) => create("div", {}, create("dt", {}, name), create("dd", {}, value))),
  );
  for (const name of ["quality", "calibration", "roc", "threshold", "metrics"])
    byId(`model-${name}-title`).parentElement.hidden = !metrics;
  byId("model-card").parentElement.hidden = !model.card;
  if (metrics) {
    const quality = qualityFigures(metrics, choice);
    byId("model-quality").replaceChildren(
      ...quality.map(([figure, text]) => create("li", {}, create("strong", {}, figure), create("span", {}, text))),
    );
    byId("model-threshold-reason").textContent = thresholdReason(model);
    byId("model-costs").replaceChildren(costTable(choice));
    byId("model-metrics").replaceChildren(metricsTable(metrics));
  }
  if (model.card) {
    // HTML that the service made of the card's Markdown; HTML within the card is escaped there.
    byId("model-card").innerHTML = await (await request("v2/model/card", { accept: "text/html" })).text();
  }
  if (metrics?.calibration) await drawCalibration(byId("model-calibration-title").parentElement, metrics.calibration);
  if (metrics?.roc) await drawRoc(byId("model-roc-title").parentElement, metrics.roc, model.threshold);
  byId("model-terms-help").hidden = !model.additive;
  await drawTerms(byId("model-terms"), model);
}

function facts({ version, sha256, trained_at: trainedAt, trained_on: data, recipe, horizon }) {
  const rows = [["Version", version]];
  if (trainedAt) rows.push(["Trained on", formatDate(trainedAt)]);
  if (data)
    rows.push(["Training data", `${formatCount(data.rows)} customers, ${formatCount(data.churners)} of them left`]);
  if (recipe) rows.push(["Type", recipe.name]);
  if (horizon) rows.push(["Time horizon", horizon]);
  rows.push(["SHA-256", create("code", { className: "break-anywhere" }, sha256)]);
  return rows;
}

function qualityFigures({ out_of_fold: metrics }, choice) {
  const withSd = ({ mean, sd }, format) => `${format(mean)} ± ${format(sd)}`;
  return [
    [
      withSd(metrics.roc_auc, formatProbability),
      "of pairs are ranked correctly: of one customer who left and one who stayed, the one who left got the higher risk.",
    ],
    [
      `${formatDecimals(metrics.top_decile_lift.mean, 1)} times`,
      "as many leave among the tenth with the highest risk as among all customers.",
    ],
    [
      withSd(metrics.ece, formatDistance).replace(" points", ""),
      "is the average difference between the predicted risk and the share that left.",
    ],
    [
      formatProbability(choice.recall),
      `of those who leave are predicted to churn, when ${formatShare(choice.contacted)} of all customers are.`,
    ],
  ];
}

const thresholdReason = ({ threshold, threshold_choice: choice }) =>
  `A customer with a risk of at least ${formatShare(threshold)} is predicted to churn. ` +
  (threshold === choice.threshold
    ? `At this threshold calling costs least in total, if a call costs ${choice.contact_cost} and reaching a leaver ` +
      `saves ${choice.saved_value} ${choice.unit}. Another ratio has another threshold. (${choice.criterion})`
    : `It was set for this service; the model's own threshold is ${formatShare(choice.threshold)}.`);

function costTable(choice) {
  const rows = [
    [`Call from ${formatShare(choice.threshold)}`, choice.cost],
    ["Call from 50%", choice.cost_at_half],
    ["Call no one", choice.cost_contact_nobody],
    ["Call everyone", choice.cost_contact_all],
  ];
  return createTable(
    ["Policy", "Cost per customer"],
    rows.map(([name, cost]) => [name, formatDecimals(cost, 3)]),
    { caption: `In ${choice.unit}; lower is better.` },
  );
}

const metricsTable = ({ out_of_fold: folds, pooled }) =>
  createTable(
    ["Metric", "Mean", "SD", "Pooled", "How to read it"],
    Object.entries(METRICS).map(([name, [title, help]]) => [
      title,
      formatDecimals(folds[name].mean, 4),
      formatDecimals(folds[name].sd, 4),
      formatDecimals(pooled[name], 4),
      help,
    ]),
  );
