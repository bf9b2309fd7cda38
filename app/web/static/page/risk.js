// What /v2/customers says of one customer: the risk, what it means, and why. Words and widths only, no arithmetic.
import { make } from "./dom.js";
import { money, probability, risk, share } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const part = (id) => document.getElementById(id);

/** Show an answer of /v2/customers with all its reasons. */
export function showRisk(found) {
  part("risk-probability").textContent = probability(found.probability);
  part("risk-tier").className = `pill ${found.tier}`;
  part("risk-tier").textContent = risk(found.tier);
  part("risk-meaning").textContent = meaning(found);
  part("risk-money").textContent = `${money(found.value_at_risk)} a month`;
  part("risk-label").textContent = `${found.prediction} (from ${share(found.threshold)})`;
  showScale(found);
  part("risk-notes").hidden = found.notes.length === 0;
  part("risk-notes").replaceChildren(...found.notes.map((note) => make("li", {}, note)));
  part("reasons").replaceChildren(...reasons(found.reasons));
}

function meaning({ probability: value, tier, tiers }) {
  const hundred = Math.round(value * 100);
  const people = hundred === 0 ? "fewer than one" : `about ${hundred}`;
  return `Of 100 customers like this one, ${people} would leave. ${bounds(tier, tiers)}`;
}

function bounds(tier, tiers) {
  const next = Math.min(...Object.values(tiers).filter((cut) => cut > tiers[tier]));
  if (!Number.isFinite(next)) return `${risk(tier)} starts at ${share(tiers[tier])}.`;
  if (tiers[tier] === 0) return `${risk(tier)} is anything below ${share(next)}.`;
  return `${risk(tier)} is from ${share(tiers[tier])} to ${share(next)}.`;
}

/** A line from 0 to 100 % in the colours of the tiers, with a mark where the customer stands. */
function showScale({ probability: value, tiers, tier }) {
  const cuts = Object.entries(tiers).sort(([, one], [, other]) => one - other);
  const bands = cuts.map(([name, from], index) => band(from * 100, (cuts[index + 1]?.[1] ?? 1) * 100, name, name === tier));
  part("risk-scale").replaceChildren(...bands, rectangle(Math.min(value * 100, 99) - 0.25, 0, 1.2, 7, "risk-marker"));
  part("risk-tier-labels").replaceChildren(
    ...cuts.map(([name, from]) => {
      const label = make("span", {}, name);
      label.style.setProperty("--from", from);
      return label;
    }),
  );
}

const band = (from, to, name, isOwn) => rectangle(from, 2, to - from - 0.4, 3, `band ${name}-band ${isOwn ? "current" : ""}`);

function rectangle(x, y, width, height, className) {
  const made = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ x, y, width, height, class: className })) made.setAttribute(name, value);
  return made;
}

function reasons(found) {
  const longest = Math.max(...found.map((each) => Math.abs(each.contribution)));
  return found.map(({ sentence, contribution }) => {
    const cut = sentence.lastIndexOf(":");
    const bar = make("span", { className: `reason-bar ${contribution > 0 ? "up" : "down"}`, "aria-hidden": "true" });
    bar.style.setProperty("--length", longest === 0 ? 0 : Math.abs(contribution) / longest);
    return make(
      "li",
      {},
      make("span", { className: "reason" }, sentence.slice(0, cut), make("span", { className: "effect" }, sentence.slice(cut + 1))),
      bar,
    );
  });
}
