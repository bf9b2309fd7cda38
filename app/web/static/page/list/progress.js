// How far a list is: read, sent, scored and, from the bucket, fetched; each with a bar and in words.
import { counted, megabytes } from "../format.js";

const STEPS = ["read", "send", "score", "fetch"];

/** Show {step, done, of}, or {step, words} where nothing is counted; null is the beginning. */
export function showProgress(progress) {
  const now = STEPS.indexOf(progress?.step ?? "read");
  for (const [place, step] of STEPS.entries()) {
    const item = document.querySelector(`[data-step="${step}"]`);
    const bar = item.querySelector("progress");
    if (step === "fetch") item.hidden = place > now;
    item.classList.toggle("done", place < now);
    item.classList.toggle("current", place === now);
    if (place < now) bar.value = bar.max;
    if (place > now) {
      bar.value = 0;
      item.lastElementChild.textContent = "";
    }
  }
  if (!progress || now < 0) return;
  const { step, done, of, words } = progress;
  const item = document.querySelector(`[data-step="${step}"]`);
  const bar = item.querySelector("progress");
  bar.max = of || 1;
  // Without a value the bar says that it goes on, not how far it is.
  if (of) bar.value = Math.min(done, of);
  else bar.removeAttribute("value");
  item.lastElementChild.textContent =
    words ?? (step === "score" ? `${counted(done, "row")}${of ? ` of about ${of.toLocaleString("en")}` : ""}` : `${megabytes(done)} of ${megabytes(of)}`);
}
