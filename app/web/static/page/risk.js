// The answer of /v2/customers for one customer: the risk, what it means, and the reasons.
import { byId, create } from "./dom.js";
import { formatCut, formatMoneyAtRisk, formatRisk, tierLabel } from "./format.js";

const CHURN = "churn";
/** Parts of the scale that a label takes, and the last one needs at the end. */
const LABEL_WIDTH = 0.15;
const SVG = "http://www.w3.org/2000/svg";

/** Show an answer of /v2/customers with all its reasons. */
export function showRisk(answer) {
  byId("risk-probability").textContent = formatRisk(answer.probability);
  byId("risk-tier").className = `pill ${answer.tier}`;
  byId("risk-tier").textContent = tierLabel(answer.tier);
  byId("risk-meaning").textContent = meaning(answer);
  if (byId("risk-money")) byId("risk-money").textContent = formatMoneyAtRisk(answer.value_at_risk);
  byId("risk-prediction").textContent = `${prediction(answer)} (threshold ${formatCut(answer.threshold)})`;
  showScale(answer);
  byId("risk-notes").hidden = answer.notes.length === 0;
  byId("risk-notes").replaceChildren(...answer.notes.map((note) => create("li", {}, note)));
  showReasons(answer.reasons);
}

const prediction = (answer) => (answer.prediction === CHURN ? "Predicted to churn" : "Not predicted to churn");

function meaning({ probability, prediction: label, tier, tiers }) {
  const leavers = Math.round(probability * 100);
  const amount = { 0: "fewer than one", 100: "nearly all" }[leavers] ?? `about ${leavers}`;
  // High, and not predicted to churn: that is no contradiction.
  const differ =
    tier === Object.keys(tiers)[0] && label !== CHURN
      ? " Tiers compare a risk with the churn rate of all customers; the prediction compares it with the threshold."
      : "";
  return `Of 100 customers like this one, ${amount} would leave. ${tierRange(tier, tiers)}${differ}`;
}

function tierRange(tier, tiers) {
  const next = Math.min(...Object.values(tiers).filter((minimum) => minimum > tiers[tier]));
  if (!Number.isFinite(next)) return `${tierLabel(tier)} starts at ${formatCut(tiers[tier])}.`;
  if (tiers[tier] === 0) return `${tierLabel(tier)} is anything below ${formatCut(next)}.`;
  return `${tierLabel(tier)} is from ${formatCut(tiers[tier])} to ${formatCut(next)}.`;
}

/** A bar from 0 to 100 % in the colours of the tiers, with a marker at the customer's risk. */
function showScale({ probability, tiers, tier }) {
  const minima = Object.entries(tiers).sort(([, a], [, b]) => a - b);
  const bands = minima.map(([name, from], index) => {
    const to = minima[index + 1]?.[1] ?? 1;
    return rectangle(from * 100, 2, (to - from) * 100 - 0.4, 3, `band ${name}-band ${name === tier ? "current" : ""}`);
  });
  const marker = rectangle(Math.min(probability * 100, 99) - 0.25, 0, 1.2, 7, "risk-marker");
  byId("risk-scale").replaceChildren(...bands, marker);
  const starts = [...minima.map(([, from]) => from), 1];
  const fit = minima.every((_, index) => starts[index + 1] - starts[index] >= LABEL_WIDTH);
  byId("risk-tier-labels").classList.toggle("is-legend", !fit);
  byId("risk-tier-labels").replaceChildren(
    ...minima.map(([name, from]) => {
      const label = create("span", { className: `${name}-label` }, name);
      label.style.setProperty("--from", from);
      return label;
    }),
  );
}

function rectangle(x, y, width, height, className) {
  const rect = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ x, y, width, height, class: className })) rect.setAttribute(name, value);
  return rect;
}

function showReasons(reasons) {
  const largest = Math.max(...reasons.map(({ contribution }) => Math.abs(contribution)));
  const items = reasons.map(({ sentence, contribution }) => {
    const colon = sentence.lastIndexOf(":");
    const effect = create("span", { className: "effect" }, sentence.slice(colon + 1));
    const bar = create("span", { className: `reason-bar ${contribution > 0 ? "up" : "down"}`, "aria-hidden": "true" });
    bar.style.setProperty("--length", largest === 0 ? 0 : Math.abs(contribution) / largest);
    return create("li", {}, create("span", { className: "reason" }, sentence.slice(0, colon), effect), bar);
  });
  byId("reasons").replaceChildren(...items);
}
