// The view "A list": a file to its answer, and the states on the way: nothing yet, under way, a problem, a result.
import { address, announce, ask, headers, newKey, noticeModel, Problem, problemFrom } from "../api.js";
import { make, problemBox } from "../dom.js";
import { count, counted, share } from "../format.js";
import { choose } from "./choose.js";
import { Desk } from "./desk.js";
import { showProgress } from "./progress.js";
import { showRejects } from "./rejects.js";
import { named, save } from "./save.js";
import { bands, cutTiles, segments, tiles } from "./summary.js";
import { Table } from "./table.js";

const BATCHES = "v2/batches";
const SHORTENED = "The list is long, so it is shown with one reason a customer, and rows cannot be opened.";
const STATES = ["choose", "busy", "problem", "result"];

const element = (name) => document.getElementById(`list-${name}`);
let desk = new Desk(showProgress);
let list = null;
let table = null;

export function start(root) {
  table = new Table(open);
  choose(root, { take: score, refuse: (problem) => fail(problem, null), isBusy: () => !element("busy").hidden });
  element("cancel").addEventListener("click", cancel);
  element("again").addEventListener("click", again);
  element("take").addEventListener("click", async () => {
    save(await desk.call("list", { query: table.query, safe: isSafe() }), named(list.name, "list"));
    announce("Your list is among your downloads.");
  });
  element("get-scored").addEventListener("click", (event) =>
    download(event.target, "scored", { value_at_risk: true, reasons: list.reasons }),
  );
  element("get-rejects").addEventListener("click", (event) => download(event.target, "rejects", { output: "rejects" }));
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
  desk.end();
  // At once, while there is a connection: the next list may come without.
  desk = new Desk(showProgress);
  announce("Cancelled. Nothing was stored.");
  again();
}

async function score(file) {
  if (desk.isLost) desk = new Desk(showProgress);
  const mine = desk;
  element("busy-title").textContent = `Scoring ${file.name}`;
  showProgress(null);
  show("busy");
  element("cancel").focus();
  announce(`Scoring ${file.name}.`);
  try {
    const packed = await mine.call("pack", file);
    if (packed.unreadable) throw unreadable(file);
    const found = await sent(mine, { ...packed, size: file.size });
    list = { name: file.name, body: packed.body, summary: found.summary, hasInput: found.hasInput, reasons: found.reasons };
    await showResult();
  } catch (problem) {
    if (mine === desk) fail(problem, () => score(file));
  }
}

async function sent(mine, packed) {
  for (;;) {
    const found = await mine.call("score", {
      ...packed,
      url: address(BATCHES).href,
      headers: headers(),
      idName: element("result").dataset.idName,
    });
    noticeModel(found.model);
    if (found.summary) return found;
    if (found.status === 0) throw cutOff(found.rows);
    const problem = problemFrom(found.status, found.text, found.requestId);
    if (found.status !== 401) throw problem;
    await newKey(problem);
  }
}

const unreadable = (file) =>
  new Problem({
    title: "The file cannot be read",
    detail: `${file.name} may be a folder, or was moved or changed since it was chosen. Choose it again.`,
  });

function cutOff(rows) {
  const how = rows ? `after ${counted(rows, "row")}` : "before there was an answer";
  return new Problem({
    code: "offline",
    title: navigator.onLine ? "The connection was cut" : "This device is offline",
    detail: `It broke off ${how}. Nothing was stored, and the file is still here: send it again when there is a connection.`,
  });
}

function fail(problem, repeat) {
  // What was refused once is refused again; a failure may pass.
  const mayPass = !problem.status || problem.status === 429 || problem.status >= 500;
  element("refusal").replaceChildren(problemBox(problem, mayPass ? repeat : null));
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
  table.begin(desk);
  const cut = element("cut");
  cut.value = Math.round(summary.threshold * 100);
  const move = () => showCut(summary, mark);
  cut.oninput = move;
  await Promise.all([move(), showRejects(desk, summary)]);
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
  const found = list.summary.notes.map((note) => make("p", { className: "note" }, note));
  return list.hasInput ? found : [...found, make("p", { className: "note" }, SHORTENED)];
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
  if (!list.hasInput) return announce(SHORTENED);
  const [{ input }, { showCustomer }] = await Promise.all([desk.call("whole", place), import("../customer.js")]);
  showCustomer(input);
}

/** Ask for the whole file again in another form, and save it. The packed file was kept for that. */
async function download(button, what, wanted) {
  button.disabled = true;
  try {
    const query = new URLSearchParams({ ...wanted, spreadsheet_safe: isSafe() });
    const response = await ask(`${BATCHES}?${query}`, { body: list.body, type: "application/gzip", accept: "text/csv" });
    const blob = await response.blob().catch(() => {
      throw cutOff(0);
    });
    save(blob, named(list.name, what));
    announce("The file is among your downloads.");
  } catch (problem) {
    element("notes").replaceChildren(problemBox(problem));
    element("notes").scrollIntoView({ block: "center" });
  } finally {
    button.disabled = false;
  }
}
