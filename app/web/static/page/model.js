// The view "Model": what /v2/model returns, in words, charts and tables.
import { request } from "./api.js";
import { byId, create, createTable, errorBox, featureLabel, scrollable } from "./dom.js";
import {
  formatCount,
  formatCut,
  formatDate,
  formatDecimals,
  formatDistance,
  formatNumber,
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
/** What a shift of all risks leaves as it was, since it keeps the order of customers. */
const RANKING = ["roc_auc", "pr_auc", "top_decile_lift"];
/** How the criterion of a threshold begins that is not that of the least cost; TIER_HIGH of model/training/threshold.py. */
const HIGH_TIER = "where the tier high begins";
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
  const recalibrated = metrics?.recalibrated_from;
  byId("model-card").parentElement.hidden = !model.card;
  if (metrics) {
    const quality = qualityFigures(metrics, choice);
    if (recalibrated) addRecalibratedNotes(recalibrated);
    byId("model-quality").replaceChildren(
      ...quality.map(([figure, text]) => create("li", {}, create("strong", {}, figure), create("span", {}, text))),
    );
    byId("model-threshold-reason").textContent = thresholdReason(model);
    byId("model-costs").hidden = choice.cost === undefined;
    if (choice.cost !== undefined) byId("model-costs").replaceChildren(costTable(choice));
    byId("model-metrics").replaceChildren(metricsTable(metrics));
  }
  if (model.card) {
    // HTML that the service made of the card's Markdown; HTML within the card is escaped there.
    byId("model-card").innerHTML = await (await request("v2/model/card", { accept: "text/html" })).text();
  }
  // The groups of the calibration are of the risks before the shift.
  byId("model-calibration-title").parentElement.hidden = !metrics?.calibration || Boolean(recalibrated);
  if (metrics?.calibration && !recalibrated)
    await drawCalibration(byId("model-calibration-title").parentElement, metrics.calibration);
  if (metrics?.roc) {
    const points = recalibrated ? shiftThresholds(metrics.roc, recalibrated.total_shift) : metrics.roc;
    await drawRoc(byId("model-roc-title").parentElement, points, model.threshold);
  }
  byId("model-terms-help").hidden = !model.additive;
  await drawTerms(byId("model-terms"), model);
}

/** The points of a ROC curve with their thresholds after all log-odds were shifted. */
const shiftThresholds = (points, shift) =>
  points.map((point) => {
    const { threshold: before } = point;
    // 0 and 1 stay as they are.
    return { ...point, threshold: before / (before + (1 - before) * Math.exp(-shift)) };
  });

function addRecalibratedNotes({ version }) {
  const note = (text) => create("p", { className: "help" }, text);
  const order = `Measured before the recalibration of ${version}, which keeps the order of customers.`;
  byId("model-quality").before(note(`${order} How well the new risks fit is not known yet.`));
  byId("model-metrics").before(note(`${order} Average precision and lift also depend on how many leave.`));
}

function facts({ version, sha256, trained_at: trainedAt, trained_on: data, recipe, horizon, metrics }) {
  const rows = [["Version", version]];
  const from = metrics?.recalibrated_from;
  if (from) rows.push(["Recalibrated", `from ${from.version} to a rate of ${formatCut(from.rate)}`]);
  // A recalibrated model has the day of that.
  if (trainedAt) rows.push([from ? "Recalibrated on" : "Trained on", formatDate(trainedAt)]);
  if (data)
    rows.push(["Training data", `${formatCount(data.rows)} customers, ${formatCount(data.churners)} of them left`]);
  if (recipe) rows.push(["Type", recipe.name]);
  if (horizon) rows.push(["Time horizon", horizon]);
  rows.push(["SHA-256", create("code", { className: "break-anywhere" }, sha256)]);
  return rows;
}

function qualityFigures({ out_of_fold: metrics, recalibrated_from: recalibrated }, choice) {
  const withSd = ({ mean, sd }, format) => `${format(mean)} ± ${format(sd)}`;
  const figures = [
    [
      withSd(metrics.roc_auc, formatProbability),
      "of pairs are ranked correctly: of one customer who left and one who stayed, the one who left got the higher risk.",
    ],
    [
      `${formatDecimals(metrics.top_decile_lift.mean, 1)} times`,
      "as many leave among the tenth with the highest risk as among all customers.",
    ],
  ];
  if (!recalibrated)
    figures.push([
      withSd(metrics.ece, formatDistance).replace(" points", ""),
      "is the average difference between the predicted risk and the share that left.",
    ]);
  if (choice.recall !== undefined)
    figures.push([
      formatProbability(choice.recall),
      `of those who leave are in the list of the riskiest ${formatShare(choice.contacted)}: those who are predicted to churn.`,
    ]);
  return figures;
}

function thresholdReason({ threshold, threshold_choice: choice }) {
  const rule = `A customer with a risk of at least ${formatCut(threshold)} is predicted to churn. `;
  if (threshold !== choice.threshold)
    return `${rule}It was set for this service; the model's own threshold is ${formatCut(choice.threshold)}.`;
  const ratio = `reaching a leaver saves ${formatNumber(choice.saved_value / choice.contact_cost)} times what a call costs`;
  return choice.criterion.startsWith(HIGH_TIER)
    ? `${rule}That is where high risk begins. If ${ratio}, calling would pay from ${formatCut(choice.theoretical)} on, but hardly any customer has such a risk.`
    : `${rule}From about this risk on calling pays, if ${ratio}. Another ratio has another threshold.`;
}

function costTable(choice) {
  const rows = [
    [`Call from ${formatCut(choice.threshold)}`, choice.cost],
    ["Call from 50%", choice.cost_at_half],
    ["Call no one", choice.cost_contact_nobody],
    ["Call everyone", choice.cost_contact_all],
  ];
  return createTable(
    ["Policy", "Cost per customer"],
    rows.map(([name, cost]) => [name, formatDecimals(cost, 3)]),
    { caption: "As a multiple of what a call costs; lower is better." },
  );
}

const metricsTable = ({ out_of_fold: folds, pooled, recalibrated_from: recalibrated }) =>
  createTable(
    ["Metric", "Mean", "SD", "Pooled", "How to read it"],
    Object.entries(METRICS)
      .filter(([name]) => !recalibrated || RANKING.includes(name))
      .map(([name, [title, help]]) => [
        title,
        formatDecimals(folds[name].mean, 4),
        formatDecimals(folds[name].sd, 4),
        formatDecimals(pooled[name], 4),
        help,
      ]),
  );
