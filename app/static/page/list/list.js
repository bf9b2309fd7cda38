// The view "A list": a file to its answer, and the states on the way: nothing yet, under way, a problem, a result.
import { announce, ask, mayPass, Problem } from "../api.js";
import { make, problemBox } from "../dom.js";
import { count, counted, share } from "../format.js";
import { saveResult } from "./bucket.js";
import { choose } from "./choose.js";
import { Desk } from "./desk.js";
import { showProgress } from "./progress.js";
import { showRejects } from "./rejects.js";
import { named, save } from "./save.js";
import { bands, cutTiles, segments, tiles } from "./summary.js";
import { Table } from "./table.js";
import { BATCHES, cutOff, Way } from "./way.js";

const RESULTS = { scored: "predictions.csv", rejects: "rejects.csv" };
const OTHER_MODEL = "other_model";
const STATES = ["choose", "busy", "problem", "result"];

const element = (name) => document.getElementById(`list-${name}`);
let desk = new Desk(showProgress);
let way = null;
let underWay = "";
let list = null;
/** What to do as soon as there is a connection again. */
let goOn = null;
let table = null;

export function start(root) {
  table = new Table(open);
  choose(root, { take: score, refuse: (problem) => fail(problem, null), isBusy: () => !element("busy").hidden });
  addEventListener("online", () => !element("problem").hidden && goOn?.());
  element("cancel").addEventListener("click", cancel);
  element("again").addEventListener("click", again);
  element("take").addEventListener("click", async () => {
    save(await desk.call("list", { query: table.query, safe: isSafe() }), named(list.name, "list"));
    announce("Your list is among your downloads.");
  });
  element("get-scored").addEventListener("click", (event) =>
    download(event.target, "scored", { value_at_risk: true, reasons: list.reasons }),
  );
  element("get-rejects").addEventListener("click", (event) =>
    download(event.target, "rejects", { output: "rejects" }),
  );
}

const isSafe = () => element("safe").checked;

/** Show one of the states; a problem stands above the way to choose another file. */
function show(state) {
  for (const name of STATES) element(name).hidden = name !== state && !(state === "problem" && name === "choose");
}

function again() {
  show("choose");
  element("pick").focus();
}

function cancel() {
  const { job } = way;
  way.end();
  way = null;
  desk.end();
  // At once, while there is a connection: the next list may come without.
  desk = new Desk(showProgress);
  if (job) leave(job);
  else announce("Cancelled. Nothing was stored.");
  again();
}

/** Say which job goes on, and let it be taken up again. */
function leave(job) {
  const name = underWay;
  const words = `${name} goes on without this page, as job ${job}.`;
  const button = make("button", { type: "button", className: "quiet" }, "Wait for it again");
  button.addEventListener("click", () => take(name, (mine) => mine.follow(job)));
  element("left").replaceChildren(make("p", {}, words), button);
  element("left").hidden = false;
  announce(words);
}

const score = (file) => take(file.name, (mine) => mine.score(file));
const repeated = () => score(new File([list.body], list.name));

/** Show the result of a list, got by `answer(way)`. */
async function take(name, answer) {
  if (desk.isLost) desk = new Desk(showProgress);
  const mine = new Way(desk);
  way = mine;
  underWay = name;
  element("busy-title").textContent = `Scoring ${name}`;
  for (const part of ["job", "left"]) element(part).hidden = true;
  showProgress(null);
  show("busy");
  element("cancel").focus();
  announce(`Scoring ${name}.`);
  try {
    const found = await answer(mine);
    if (mine !== way) return;
    list = { name, ...found };
    await showResult();
  } catch (problem) {
    // What the bucket has is not sent again.
    if (mine === way) fail(problem, () => take(name, mine.job ? (next) => next.follow(mine.job) : answer));
  }
}

function fail(problem, repeat) {
  const again = mayPass(problem) ? repeat : null;
  element("refusal").replaceChildren(problemBox(problem, again));
  goOn = navigator.onLine ? null : again;
  show("problem");
  (element("problem").querySelector("button") ?? element("pick")).focus();
}

async function showResult() {
  const { summary } = list;
  element("name").textContent = list.name;
  element("about").textContent = `${counted(summary.rows_in, "customer")}, scored by model ${summary.model_version}`;
  element("notes").replaceChildren(...notes());
  element("tiles").replaceChildren(...tiles(summary));
  const mark = bands(element("bands"), element("bands-table"), summary.distribution);
  const { labels } = element("segments").dataset;
  element("segments").replaceChildren(...segments(summary.segments, JSON.parse(labels)));
  table.begin(desk, list);
  element("safe-reach").hidden = Boolean(list.job);
  const cut = element("cut");
  cut.value = Math.round(summary.threshold * 100);
  const move = () => showCut(summary, mark);
  cut.oninput = move;
  await Promise.all([move(), showRejects(desk, list)]);
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
  const line = summary.by_threshold[element("cut").value];
  element("cut").setAttribute("aria-valuetext", `${share(line.threshold)}: ${counted(line.customers, "customer")} to call`);
  element("cut-at").textContent = share(line.threshold);
  element("cut-tiles").replaceChildren(...cutTiles(line, summary));
  mark(line.threshold);
  return table.cut(line.customers);
}

async function open(place) {
  if (list.closed) return announce(list.closed);
  const [{ input }, { showCustomer }] = await Promise.all([desk.call("whole", place), import("../customer.js")]);
  showCustomer(input);
}

/** Save the whole list: as the bucket has it, or asked for again in another form. The packed file was kept for that. */
async function download(button, what, wanted) {
  // Disabled it would lose the focus.
  if (button.ariaBusy) return;
  button.ariaBusy = "true";
  element("notes").replaceChildren(...notes());
  try {
    if (list.job) await saveResult(list.job, RESULTS[what]);
    else save(await written(wanted), named(list.name, what));
    announce("The file is among your downloads.");
  } catch (problem) {
    element("notes").prepend(problemBox(problem, problem.code === OTHER_MODEL ? repeated : null));
    element("notes").scrollIntoView({ block: "center" });
  } finally {
    button.ariaBusy = null;
  }
}

async function written(wanted) {
  const query = new URLSearchParams({ ...wanted, spreadsheet_safe: isSafe() });
  const response = await ask(`${BATCHES}?${query}`, { body: list.body, type: list.body.type, accept: "text/csv" });
  const model = response.headers.get("X-Model-Version");
  const shown = list.summary.model_version;
  if (model && model !== shown) {
    const detail = `The service now answers with model ${model}, and this list was scored by ${shown}: the file would not agree with what is shown. Score the list again.`;
    throw new Problem({ code: OTHER_MODEL, title: "Another model answers now", detail });
  }
  return response.blob().catch(() => {
    throw cutOff(0);
  });
}
