// The progress of a list: read, sent, scored and, from the bucket, fetched; each step with a bar and in words.
import { formatCount, formatMegabytes, pluralize } from "../format.js";

const STEPS = ["read", "send", "score", "fetch"];

/** Show {step, done, total}, or {step, text} if there is no number; null resets all steps. */
export function showProgress(progress) {
  const current = STEPS.indexOf(progress?.step ?? "read");
  for (const [index, step] of STEPS.entries()) {
    const item = document.querySelector(`[data-step="${step}"]`);
    const bar = item.querySelector("progress");
    if (step === "fetch") item.hidden = index > current;
    item.classList.toggle("done", index < current);
    item.classList.toggle("current", index === current);
    if (index < current) bar.value = bar.max;
    if (index > current) {
      bar.value = 0;
      item.lastElementChild.textContent = "";
    }
  }
  if (!progress || current < 0) return;
  const { step, done, total } = progress;
  const item = document.querySelector(`[data-step="${step}"]`);
  const bar = item.querySelector("progress");
  bar.max = total || 1;
  // Without a value the bar shows activity, and no position.
  if (total) bar.value = Math.min(done, total);
  else bar.removeAttribute("value");
  item.lastElementChild.textContent = progress.text ?? describe(progress);
}

function describe({ step, done, total }) {
  if (step !== "score") return `${formatMegabytes(done)} of ${formatMegabytes(total)}`;
  return `${pluralize(done, "row")}${total ? ` of about ${formatCount(total)}` : ""}`;
}
