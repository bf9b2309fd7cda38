// The view "A list": a file to its answer, and the states on the way: nothing yet, under way, a problem, a result.
import { announce, ask, mayPass, Problem, unreachable } from "../api.js";
import { make, problemBox } from "../dom.js";
import { count, counted, share } from "../format.js";
import { saveResult } from "./upload.js";
import { choose } from "./file_picker.js";
import { Desk } from "./worker_client.js";
import { showProgress } from "./progress.js";
import { showRejects } from "./rejected_rows.js";
import { named, save } from "./download.js";
import { bands, cutTiles, segments, tiles } from "./summary.js";
import { Table } from "./call_list.js";
import { BATCHES, cutOff, Way } from "./submission.js";

const RESULTS = { scored: "predictions.csv", rejects: "rejects.csv" };
const SAMPLE = "sample.csv";
const OTHER_MODEL = "other_model";
const STATES = ["start", "running", "problem", "result"];

const element = (name) => document.getElementById(`list-${name}`);
// Made ahead, while there is a connection: the next list may come without.
let spare = new Desk(showProgress);
/** What is under way: its name, its desk and its way. */
let run = null;
/** What is shown, or can be again, with the desk that has its rows. */
let list = null;
/** What to do as soon as there is a connection again. */
let goOn = null;
let table = null;

export function start(root) {
  table = new Table(open);
  choose(root, { take: score, sample, refuse, isBusy: () => !element("running").hidden });
  addEventListener("online", () => !element("problem").hidden && goOn?.());
  element("cancel").addEventListener("click", cancel);
  element("new").addEventListener("click", again);
  element("back-to-result").addEventListener("click", () => {
    show("result");
    element("name").focus();
  });
  element("download").addEventListener("click", async () => {
    const { desk, name } = list;
    save(await desk.call("list", { query: table.query, safe: isSafe() }), named(name, "list"));
    announce("Your list is among your downloads.");
  });
  element("download-scored").addEventListener("click", (event) =>
    download(event.target, "scored", { value_at_risk: true, reasons: list.reasons }),
  );
  element("download-rejected").addEventListener("click", (event) =>
    download(event.target, "rejects", { output: "rejects" }),
  );
}

const isSafe = () => element("spreadsheet-safe").checked;

/** Show one of the states; a problem stands above the way to choose another file. */
function show(state) {
  for (const name of STATES) element(name).hidden = name !== state && !(state === "problem" && name === "start");
  element("back-to-result").hidden = !list;
  element("back-to-result").textContent = `Back to ${list?.name}`;
}

/** Say why a file was not taken, beside what is shown: neither a run nor a result is given up for it. */
function refuse(problem) {
  if (!element("running").hidden) element("running-problem").replaceChildren(problemBox(problem));
  else if (!element("result").hidden) warn(problem, null);
  else fail(problem, null);
}

function warn(problem, repeat) {
  element("notes").replaceChildren(problemBox(problem, repeat), ...notes());
  element("notes").scrollIntoView({ block: "center" });
}

function again() {
  show("start");
  element("choose-file").focus();
}

function cancel() {
  const { name, way } = run;
  end();
  if (way.job) leave(name, way.job);
  else announce("Cancelled. Nothing was stored.");
  again();
}

/** Give up what is under way. */
function end() {
  run.way.end();
  run.desk.end();
  run = null;
  spare = new Desk(showProgress);
}

/** Say which job goes on, and let it be taken up again. */
function leave(name, job) {
  const words = `${name} goes on without this page, as job ${job}.`;
  const button = make("button", { type: "button", className: "secondary" }, "Wait for it again");
  button.addEventListener("click", () => take(name, (mine) => mine.follow(job)));
  element("left-job").replaceChildren(make("p", {}, words), button);
  element("left-job").hidden = false;
  announce(words);
}

const score = (file) => take(file.name, (way) => way.score(file));
const sample = () =>
  take(SAMPLE, async (way) => {
    const response = await ask(`v2/${SAMPLE}`, { accept: "text/csv", signal: way.signal });
    const content = await response.blob().catch(() => {
      throw unreachable();
    });
    return way.score(new File([content], SAMPLE));
  });
const repeated = () => score(new File([list.body], list.name));

const withoutCustomers = (name) =>
  new Problem({
    status: 422,
    title: "The file has no customers",
    detail: `${name} has a header and no rows below it. Add one row for each customer, and choose it again.`,
  });

/** Show the result of a list, got by `answer(way)`. */
async function take(name, answer) {
  if (run) end();
  const desk = spare.isLost ? new Desk(showProgress) : spare;
  const way = new Way(desk);
  const mine = { name, desk, way };
  run = mine;
  element("running-title").textContent = `Scoring ${name}`;
  element("running-problem").replaceChildren();
  for (const part of ["job", "left-job"]) element(part).hidden = true;
  showProgress(null);
  show("running");
  element("cancel").focus();
  announce(`Scoring ${name}.`);
  try {
    const found = await answer(way);
    if (mine !== run) return;
    if (!found.summary.rows_in) throw withoutCustomers(name);
    list?.desk.end();
    list = { name, desk, ...found };
    spare = new Desk(showProgress);
    await showResult();
    run = null;
  } catch (problem) {
    if (mine !== run) return;
    run = null;
    spare = desk;
    // What the bucket has is not sent again.
    fail(problem, () => take(name, way.job ? (next) => next.follow(way.job) : answer));
  }
}

function fail(problem, repeat) {
  const again = mayPass(problem) ? repeat : null;
  element("problem-box").replaceChildren(problemBox(problem, again));
  goOn = navigator.onLine ? null : again;
  show("problem");
  (element("problem").querySelector("button") ?? element("choose-file")).focus();
}

async function showResult() {
  const { summary } = list;
  element("name").textContent = list.name;
  element("subtitle").textContent = `${counted(summary.rows_in, "customer")}, scored by model ${summary.model_version}`;
  element("notes").replaceChildren(...notes());
  element("tiles").replaceChildren(...tiles(summary));
  for (const name of ["threshold", "segments"]) element(name).closest("section").hidden = !summary.rows_scored;
  const mark = bands(element("histogram"), element("histogram-table"), summary.distribution);
  const { labels } = element("segments").dataset;
  element("segments").replaceChildren(...segments(summary.segments, JSON.parse(labels)));
  table.begin(list);
  for (const name of ["download-scored", "download-rejected"]) element(name).ariaBusy = null;
  element("spreadsheet-safe-scope").hidden = Boolean(list.job);
  const cut = element("threshold");
  cut.value = Math.round(summary.threshold * 100);
  const move = () => showCut(summary, mark);
  cut.oninput = move;
  await Promise.all([move(), showRejects(list)]);
  show("result");
  element("name").focus();
  announce(`${counted(summary.rows_scored, "customer")} scored, ${count(summary.rows_rejected)} to mend.`);
  // Where it does not arrive, that view says so when it is opened.
  import("../model.js").then(
    (model) => model.showDrift(summary),
    () => {},
  );
}

function notes() {
  return [...list.summary.notes, ...list.notes].map((note) => make("p", { className: "note" }, note));
}

function showCut(summary, mark) {
  const line = summary.by_threshold[element("threshold").value];
  element("threshold").setAttribute("aria-valuetext", `${share(line.threshold)}: ${counted(line.customers, "customer")} to call`);
  element("threshold-value").textContent = share(line.threshold);
  element("threshold-tiles").replaceChildren(...cutTiles(line, summary));
  mark(line.threshold);
  return table.cut(line.customers);
}

async function open(place) {
  if (list.closed) return announce(list.closed);
  const [{ input, row }, { showCustomer }] = await Promise.all([list.desk.call("whole", place), import("../customer.js")]);
  showCustomer(input, row);
}

/** Save the whole list: as the bucket has it, or asked for again in another form. The packed file was kept for that. */
async function download(button, what, wanted) {
  // Disabled it would lose the focus.
  if (button.ariaBusy) return;
  const mine = list;
  button.ariaBusy = "true";
  element("notes").replaceChildren(...notes());
  try {
    if (mine.job) await saveResult(mine.job, RESULTS[what]);
    else save(await written(mine, wanted), named(mine.name, what));
    announce("The file is among your downloads.");
  } catch (problem) {
    if (mine === list) warn(problem, problem.code === OTHER_MODEL ? repeated : null);
  } finally {
    // With another list, the button is that list's.
    if (mine === list) button.ariaBusy = null;
  }
}

async function written({ body, summary: { model_version: shown } }, wanted) {
  const query = new URLSearchParams({ ...wanted, spreadsheet_safe: isSafe() });
  const response = await ask(`${BATCHES}?${query}`, { body, type: body.type, accept: "text/csv" });
  const model = response.headers.get("X-Model-Version");
  if (model && model !== shown) {
    const detail = `The service now answers with model ${model}, and this list was scored by ${shown}: the file would not agree with what is shown. Score the list again.`;
    throw new Problem({ code: OTHER_MODEL, title: "Another model answers now", detail });
  }
  return response.blob().catch(() => {
    throw cutOff(0);
  });
}
