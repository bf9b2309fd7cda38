// The view "Customer list": from a file to its result. It shows one state at a time: start, running, problem or result.
import { ApiError, isRetryable, noResponseError, request } from "../api.js";
import { announce, byId, create, errorBox } from "../dom.js";
import { formatCount, formatShare, pluralize } from "../format.js";
import { CallList } from "./call_list.js";
import { downloadName, saveBlob } from "./download.js";
import { startFilePicker } from "./file_picker.js";
import { showProgress } from "./progress.js";
import { showRejectedRows } from "./rejected_rows.js";
import { BATCHES, brokenOffError, Submission } from "./submission.js";
import { drawHistogram, segmentTables, summaryTiles, thresholdTiles } from "./summary.js";
import { downloadResult } from "./upload.js";
import { WorkerClient } from "./worker_client.js";

const JOB_FILES = { scored: "predictions.csv", rejects: "rejects.csv" };
const SAMPLE = "sample.csv";
const MODEL_CHANGED = "model_changed";
const STATES = ["start", "running", "problem", "result"];

const element = (name) => byId(`list-${name}`);
// Created in advance, while there is a connection: the next list may come without one.
let nextWorker = new WorkerClient(showProgress);
/** The list that is being scored: its name, worker and submission. */
let running = null;
/** The list that is shown, or can be shown again: its name, the worker that has its rows, and what Submission returned. */
let result = null;
/** What to do as soon as there is a connection again. */
let retryOnline = null;
let callList = null;

export function start(view) {
  callList = new CallList(openRow);
  startFilePicker(view, {
    onFile: scoreFile,
    onSample: scoreSample,
    onError: showRefusal,
    isBusy: () => !element("running").hidden,
  });
  addEventListener("online", () => !element("problem").hidden && retryOnline?.());
  element("cancel").addEventListener("click", cancel);
  element("new").addEventListener("click", showStart);
  element("back-to-result").addEventListener("click", () => {
    showState("result");
    element("name").focus();
  });
  element("download").addEventListener("click", async () => {
    const { worker, name } = result;
    saveBlob(
      await worker.call("selectCsv", { query: callList.query, isSafe: isSpreadsheetSafe() }),
      downloadName(name, "list"),
    );
    announce("The call list was downloaded.");
  });
  element("download-scored").addEventListener("click", ({ target }) =>
    download(target, "scored", { ...(result.hasMoney && { value_at_risk: true }), reasons: result.reasonCount }),
  );
  element("download-rejected").addEventListener("click", ({ target }) =>
    download(target, "rejects", { output: "rejects" }),
  );
}

const isSpreadsheetSafe = () => element("spreadsheet-safe").checked;

/** Show one of the states; a problem is shown above the start. */
function showState(state) {
  for (const name of STATES) element(name).hidden = name !== state && !(state === "problem" && name === "start");
  element("back-to-result").hidden = !result;
  element("back-to-result").textContent = `Back to ${result?.name}`;
}

function showStart() {
  showState("start");
  element("choose-file").focus();
}

/** Show why a file was refused, next to what is shown: a running list or a result stays. */
function showRefusal(error) {
  if (!element("running").hidden) element("running-problem").replaceChildren(errorBox(error));
  else if (!element("result").hidden) showResultError(error, null);
  else showProblem(error, null);
}

function showResultError(error, retry) {
  element("notes").replaceChildren(errorBox(error, retry), ...notes());
  element("notes").scrollIntoView({ block: "center" });
}

function showProblem(error, retry) {
  const allowedRetry = isRetryable(error) ? retry : null;
  element("problem-box").replaceChildren(errorBox(error, allowedRetry));
  retryOnline = navigator.onLine ? null : allowedRetry;
  showState("problem");
  (element("problem").querySelector("button") ?? element("choose-file")).focus();
}

function cancel() {
  const { name, submission } = running;
  stopRunning();
  if (submission.jobId) showLeftJob(name, submission.jobId);
  else announce("Cancelled. Nothing was stored.");
  showStart();
}

function stopRunning() {
  running.submission.cancel();
  running.worker.terminate();
  running = null;
  nextWorker = new WorkerClient(showProgress);
}

/** Show the job that continues, with a button to wait for it again. */
function showLeftJob(name, jobId) {
  const text = `${name} continues without this page, as job ${jobId}.`;
  const button = create("button", { type: "button", className: "secondary" }, "Wait for it again");
  button.addEventListener("click", () => run(name, (submission) => submission.waitFor(jobId)));
  element("left-job").replaceChildren(create("p", {}, text), button);
  element("left-job").hidden = false;
  announce(text);
}

const scoreFile = (file) => run(file.name, (submission) => submission.score(file));
const scoreAgain = () => scoreFile(new File([result.body], result.name));
const scoreSample = () =>
  run(SAMPLE, async (submission) => {
    const response = await request(`v2/${SAMPLE}`, { accept: "text/csv", signal: submission.signal });
    const content = await response.blob().catch(() => {
      throw noResponseError();
    });
    return submission.score(new File([content], SAMPLE));
  });

/** Show the result of a list, returned by `score(submission)`. */
async function run(name, score) {
  if (running) stopRunning();
  const worker = nextWorker.isTerminated ? new WorkerClient(showProgress) : nextWorker;
  const submission = new Submission(worker);
  const thisRun = { name, worker, submission };
  running = thisRun;
  element("running-title").textContent = `Scoring ${name}`;
  element("running-problem").replaceChildren();
  for (const part of ["job", "left-job"]) element(part).hidden = true;
  showProgress(null);
  showState("running");
  element("cancel").focus();
  announce(`Scoring ${name}.`);
  try {
    const scored = await score(submission);
    if (thisRun !== running) return;
    if (!scored.summary.rows_in) throw noRowsError(name);
    result?.worker.terminate();
    result = { name, worker, ...scored };
    nextWorker = new WorkerClient(showProgress);
    await showResult();
    running = null;
  } catch (error) {
    if (thisRun !== running) return;
    running = null;
    nextWorker = worker;
    // What the bucket has is not sent again.
    const { jobId } = submission;
    showProblem(error, () => run(name, jobId ? (next) => next.waitFor(jobId) : score));
  }
}

const noRowsError = (name) =>
  new ApiError({
    status: 422,
    title: "The file has no customers",
    detail: `${name} has a header and no rows below it. Add one row for each customer, and choose it again.`,
  });

async function showResult() {
  const { summary, name } = result;
  const scored = `${pluralize(summary.rows_scored, "customer")} scored`;
  const rejected = summary.rows_rejected ? `, ${pluralize(summary.rows_rejected, "row")} rejected` : "";
  element("name").textContent = name;
  element("subtitle").textContent = `${scored}${rejected} · model ${summary.model_version}`;
  element("notes").replaceChildren(...notes());
  element("tiles").replaceChildren(...summaryTiles(summary));
  for (const part of ["threshold", "segments"]) element(part).closest("section").hidden = !summary.rows_scored;
  element("segments").replaceChildren(
    ...segmentTables(summary.segments, JSON.parse(element("segments").dataset.labels)),
  );
  for (const part of ["download-scored", "download-rejected"]) element(part).ariaBusy = null;
  element("spreadsheet-safe-scope").hidden = Boolean(result.jobId);
  callList.setResult(result);
  const showThresholdLine = drawHistogram(summary.distribution);
  const slider = element("threshold");
  slider.value = Math.round(summary.threshold * 100);
  slider.oninput = () => showThreshold(summary, showThresholdLine);
  await Promise.all([showThreshold(summary, showThresholdLine), showRejectedRows(result)]);
  showState("result");
  element("name").focus();
  announce(`${scored}, ${formatCount(summary.rows_rejected)} rejected.`);
  // If the module does not load, that view shows the error when it is opened.
  import("../model.js").then(
    (model) => model.showDrift(summary),
    () => {},
  );
}

const notes = () => [...result.summary.notes, ...result.notes].map((note) => create("p", { className: "note" }, note));

function showThreshold(summary, showLine) {
  const entry = summary.by_threshold[element("threshold").value];
  element("threshold").setAttribute(
    "aria-valuetext",
    `${formatShare(entry.threshold)}: ${pluralize(entry.customers, "customer")} to call`,
  );
  element("threshold-value").textContent = formatShare(entry.threshold);
  element("threshold-tiles").replaceChildren(...thresholdTiles(entry, summary));
  showLine(entry.threshold);
  return callList.setCustomers(entry.customers);
}

async function openRow(index) {
  if (result.rowsClosed) return announce(result.rowsClosed);
  const [{ input, row }, { showCustomer }] = await Promise.all([
    result.worker.call("rowDocument", index),
    import("../customer.js"),
  ]);
  showCustomer(input, row);
}

/** Download the whole list: from the bucket, or requested again with other options; the compressed file was kept for that. */
async function download(button, kind, options) {
  // A disabled button would lose the focus.
  if (button.ariaBusy) return;
  const shown = result;
  button.ariaBusy = "true";
  element("notes").replaceChildren(...notes());
  try {
    if (shown.jobId) await downloadResult(shown.jobId, JOB_FILES[kind]);
    else saveBlob(await requestCsv(shown, options), downloadName(shown.name, kind));
    announce("The file was downloaded.");
  } catch (error) {
    if (shown === result) showResultError(error, error.code === MODEL_CHANGED ? scoreAgain : null);
  } finally {
    // If another list is shown, it has the button now.
    if (shown === result) button.ariaBusy = null;
  }
}

async function requestCsv({ body, summary }, options) {
  const query = new URLSearchParams({ ...options, spreadsheet_safe: isSpreadsheetSafe() });
  const response = await request(`${BATCHES}?${query}`, { body, type: body.type, accept: "text/csv" });
  const model = response.headers.get("X-Model-Version");
  if (model && model !== summary.model_version) throw modelChangedError(model, summary.model_version);
  return response.blob().catch(() => {
    throw brokenOffError(0);
  });
}

const modelChangedError = (current, previous) =>
  new ApiError({
    code: MODEL_CHANGED,
    title: "The model has changed",
    detail: `The service now uses model ${current}, and this list was scored by ${previous}: the file would not match what is shown. Score the list again.`,
  });
