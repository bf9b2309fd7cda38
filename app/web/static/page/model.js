// The view "The model": what /v2/model says, in words, charts and tables.
import { ask } from "./api.js";
import { featureName, make, problemBox, table } from "./dom.js";
import { count, counted, date, decimals, distance, probability, share } from "./format.js";
import { render } from "./markdown.js";
import { calibration, roc, shapes } from "./model_charts.js";

const MEASURES = {
  roc_auc: ["Ranking (ROC AUC)", "1 is perfect, 0.5 is chance"],
  pr_auc: ["Precision over recall (PR-AUC)", "higher is better"],
  top_decile_lift: ["Lift of the top tenth", "times as many leavers as among all"],
  brier: ["Brier score", "0 is perfect"],
  log_loss: ["Log loss", "0 is perfect"],
  ece: ["Calibration error (ECE)", "0 is perfect"],
};
// As usual for a population stability index: N. Siddiqi, Credit Risk Scorecards, 2006.
const MOVED = 0.1;
const MOVED_FAR = 0.25;
/** Below, chance alone moves the index; LEAST_CUSTOMERS of model/bulk/population.py. */
const LEAST_CUSTOMERS = 500;

const part = (id) => document.getElementById(id);

/** Show how far the last scored list is from the customers the model learnt from: a summary of /v2/batches. */
export function showDrift({ drift, rows_scored: scored }) {
  if (scored < LEAST_CUSTOMERS) {
    const words = `The last list has ${counted(scored, "scored customer")}: too few to tell. From ${LEAST_CUSTOMERS} on, how it compares stands here.`;
    part("model-drift").replaceChildren(make("p", {}, words));
    return;
  }
  const found = Object.entries(drift).sort(([, one], [, other]) => (other ?? 0) - (one ?? 0));
  if (found.length === 0) return;
  const words = (index) => {
    if (index === null) return ["not known", "medium"];
    if (index < MOVED) return ["alike", "low"];
    return index < MOVED_FAR ? ["somewhat different", "medium"] : ["very different", "high"];
  };
  const far = found.filter(([, index]) => index !== null && index >= MOVED);
  const rows = found.map(([name, index]) => {
    const [text, tier] = words(index);
    return [
      name === "probability" ? "The risk itself" : featureName(name),
      make("span", { className: `pill ${tier}` }, text),
      index === null ? "" : decimals(index, 3),
    ];
  });
  const verdict =
    far.length === 0
      ? `Yes. The ${count(scored)} customers of the list are made up like those, so the figures above should hold.`
      : `Not in all. ${far.length} of ${found.length} ${far.length === 1 ? "differs" : "differ"}: read the risks as a ranking, and check the figures above on your own outcomes.`;
  part("model-drift").replaceChildren(
    make("p", {}, verdict),
    make(
      "div",
      { className: "scroll-x", tabIndex: 0, role: "region", "aria-label": "The last list beside the training data" },
      table(["What", "The list is", "Stability index"], rows),
    ),
  );
}

export async function start() {
  try {
    const model = await (await ask("v2/model")).json();
    part("model-problem").replaceChildren();
    part("model-content").hidden = false;
    await show(model);
  } catch (problem) {
    part("model-problem").replaceChildren(problemBox(problem, start));
  } finally {
    part("model-loading").hidden = true;
  }
}

async function show(model) {
  part("model-facts").replaceChildren(...pairs(facts(model)));
  const { metrics, threshold_choice: choice } = model;
  for (const name of ["quality", "calibration", "roc", "threshold", "metrics"]) part(`model-${name}-title`).parentElement.hidden = !metrics;
  part("model-card").parentElement.hidden = !model.card;
  if (metrics) {
    part("model-quality").replaceChildren(...goodness(metrics, choice).map(figure));
    part("model-threshold-reason").textContent = reason(model);
    part("model-costs").replaceChildren(costs(choice));
    part("model-metrics").replaceChildren(measures(metrics));
  }
  if (model.card) part("model-card").replaceChildren(...render(model.card));
  if (metrics?.calibration) await calibration(part("model-calibration-title").parentElement, metrics.calibration);
  if (metrics?.roc) await roc(part("model-roc-title").parentElement, metrics.roc, model.threshold);
  part("model-terms-help").hidden = !model.additive;
  await shapes(part("model-terms"), model.terms ?? []);
}

const pairs = (found) => found.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));

function facts({ version, sha256, trained_at: trained, trained_on: data, recipe }) {
  const found = [["Version", version]];
  if (trained) found.push(["Trained on", date(trained)]);
  if (data) found.push(["Learnt from", `${count(data.rows)} customers, of whom ${count(data.churners)} left`]);
  if (recipe) found.push(["Kind", recipe.name]);
  found.push(["Fingerprint", make("code", { className: "break-anywhere" }, sha256)]);
  return found;
}

const figure = ([number, text]) => make("li", {}, make("strong", {}, number), make("span", {}, text));

function goodness({ out_of_fold: measured }, choice) {
  const spread = ({ mean, sd }, show) => `${show(mean)} ± ${show(sd)}`;
  return [
    [
      spread(measured.roc_auc, probability),
      "of pairs are ranked right: of one customer who left and one who stayed, the one who left got the higher risk.",
    ],
    [
      `${decimals(measured.top_decile_lift.mean, 1)} times`,
      "as many leave among the tenth with the highest risk as among all customers.",
    ],
    [spread(measured.ece, distance).replace(" points", ""), "is how far a stated risk is from what happened, on average."],
    [probability(choice.recall), `of those who leave are labelled churn, when ${share(choice.contacted)} of all are.`],
  ];
}

const reason = ({ threshold, threshold_choice: found }) =>
  `From ${share(threshold)} on, a customer is labelled churn. ` +
  (threshold === found.threshold
    ? `The cut-off is where calling costs least in all, if a call costs ${found.contact_cost} and a leaver who is ` +
      `reached saves ${found.saved_value} ${found.unit}. Another ratio has another cut-off. (${found.criterion})`
    : `Whoever runs this service set it; the model's own is ${share(found.threshold)}.`);

function costs(found) {
  const rows = [
    [`Call from ${share(found.threshold)} on`, found.cost],
    ["Call from 50% on", found.cost_at_half],
    ["Call nobody", found.cost_contact_nobody],
    ["Call everybody", found.cost_contact_all],
  ];
  return table(
    ["Way to choose", "Cost a customer"],
    rows.map(([name, cost]) => [name, decimals(cost, 3)]),
    `In ${found.unit}; less is better.`,
  );
}

const measures = ({ out_of_fold: measured, pooled }) =>
  table(
    ["Figure", "Mean", "Spread", "Over all", "How to read it"],
    Object.entries(MEASURES).map(([name, [title, help]]) => [
      title,
      decimals(measured[name].mean, 4),
      decimals(measured[name].sd, 4),
      decimals(pooled[name], 4),
      help,
    ]),
  );
