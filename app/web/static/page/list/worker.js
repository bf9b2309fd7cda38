// Runs outside of the page's thread: compresses and sends a list, reads the answer row by row, sorts, searches and writes it.
// The page calls it by messages; the worker is terminated to cancel.
import { fromCsv, toCsv } from "./predictions_csv.js";
import { ScoredRows } from "./scored_rows.js";
import { compress, send } from "./transfer.js";

// The answer is about eight times as long as the list, and a string may have some 500 million characters.
const MAX_TEXT_BYTES = 16e6;
const MAX_FULL_BYTES = 100e6;
const PROGRESS_INTERVAL_MS = 100;
// The options of a request, and of one whose answer would be too long otherwise.
const full = ({ reasons, hasMoney: money }) => ({
  reasons,
  ...(money && { value_at_risk: true }),
  include_input: true,
});
const short = ({ hasMoney: money }) => ({ reasons: 1, ...(money && { value_at_risk: true }) });

let idName = "";
let rows = null;
let hasMoney = true;
let reasonCount = 0;
let summary = null;
let lastProgress = 0;

function reportProgress(progress, isLast = false) {
  if (!isLast && performance.now() - lastProgress < PROGRESS_INTERVAL_MS) return;
  lastProgress = performance.now();
  postMessage({ progress });
}

async function compressFile(file) {
  try {
    return await compress(file, (done) => reportProgress({ step: "read", done, total: file.size }, done >= file.size));
  } catch {
    return { isUnreadable: true };
  }
}

function startRows(id, reasons) {
  idName = id;
  rows = new ScoredRows(idName);
  summary = null;
  hasMoney = true;
  reasonCount = reasons;
}

/** Score a compressed list. Returns its summary, or the error of the API. */
async function score(list) {
  let hasInput = list.size <= MAX_FULL_BYTES;
  let answer = await sendList(list, hasInput ? full(list) : short(list));
  if (answer.code === "answer_too_large" && hasInput) {
    hasInput = false;
    answer = await sendList(list, short(list));
  }
  if (answer.status === 200 && summary) return { ...answer, summary, reasonCount, hasInput };
  if (answer.status === 0 || answer.status === 200) return { ...(await explainBreak(list)), rows: rows.length };
  return answer;
}

async function sendList({ url, body, rows: total, headers, size, idName: id }, options) {
  startRows(id, options.reasons);
  hasMoney = Boolean(options.value_at_risk);
  let rest = "";
  const answer = await send({
    url: `${url}?${new URLSearchParams(options)}`,
    body,
    headers: { ...headers, Accept: "application/x-ndjson", "Content-Type": body.type },
    asBlob: size > MAX_TEXT_BYTES,
    onSent: (done) => reportProgress({ step: "send", done, total: body.size }, done >= body.size),
    onText(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith('{"row"')) rows.addLine(line);
        else ({ summary = null } = JSON.parse(line));
      }
      reportProgress({ step: "score", done: rows.length, total });
    },
  });
  return { ...answer, code: errorCode(answer.text) };
}

function errorCode(text) {
  try {
    return JSON.parse(text).code;
  } catch {
    return "";
  }
}

/** Ask for the summary alone after an answer broke off: the API returns what is wrong with the file, if anything is. */
async function explainBreak({ url, body, headers }) {
  reportProgress({ step: "explain" }, true);
  const answer = await send({
    url: `${url}?top=0`,
    body,
    headers: { ...headers, Accept: "application/json", "Content-Type": body.type },
  });
  return answer.status === 200 ? { ...answer, status: 0 } : answer;
}

/** Read the rows of a list that a job scored, from its predictions.csv. */
async function readPredictions({ blob, idName: id }) {
  startRows(id, 0);
  hasMoney = fromCsv(await blob.text(), idName, (row) => rows.addRow(row));
  return { hasMoney };
}

/** Read the customers that a summary names. */
function readTop({ customers, idName: id }) {
  startRows(id, 0);
  for (const { row, probability, value_at_risk: money, ...others } of customers)
    rows.addRow({ number: row, id: others[id], probability, money });
}

/** One page of the rows that a query selects, and their number. */
function selectPage({ query, offset, count }) {
  const indexes = rows.select(query);
  return { total: indexes.length, rows: indexes.slice(offset, offset + count).map((index) => rows.at(index)) };
}

/** The rows that a query selects, as CSV. */
function selectCsv({ query, isSafe }) {
  const selected = rows.select(query).map((index) => rows.at(index));
  return new Blob([toCsv(selected, { idName, hasMoney, reasonCount, isSafe })], { type: "text/csv" });
}

async function rejectedPage({ offset, count }) {
  const indexes = rows.rejected.slice(offset, offset + count);
  const page = indexes.map(async (index) => ({ ...rows.at(index), errors: await rows.errorsAt(index) }));
  return { total: rows.rejected.length, rows: await Promise.all(page) };
}

const rowDocument = (index) => rows.documentAt(index);

const FUNCTIONS = { compressFile, score, readPredictions, readTop, selectPage, selectCsv, rejectedPage, rowDocument };

addEventListener("message", async ({ data: { id, name, argument } }) => {
  try {
    postMessage({ id, result: await FUNCTIONS[name](argument) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
});
