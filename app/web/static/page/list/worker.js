// Off the page's own thread: sends the list, takes in the answer row by row, and ranks, searches and writes it. The page
// asks by message and gets an answer for each; stopping is ending this worker.
import { eachRecord, readerOf, toCsv } from "./predictions_csv.js";
import { Rows } from "./scored_rows.js";
import { pack, send } from "./transfer.js";

// The answer is about eight times as long as the list, and a string may have some 500 million characters.
const LONGEST_AS_TEXT = 16e6;
const LONGEST_WHOLE = 100e6;
const TELL_MS = 100;
const REASONS = 3;
// What to ask for, and what where the answer would be too long for the host.
const FULL = { reasons: REASONS, value_at_risk: true, include_input: true };
const SHORT = { reasons: 1, value_at_risk: true };

let idName = "";
let rows = null;
let isPriced = true;
let reasons = 0;
let summary = null;
let told = 0;

function tell(progress, always) {
  if (!always && performance.now() - told < TELL_MS) return;
  told = performance.now();
  postMessage({ progress });
}

async function packed(file) {
  try {
    return await pack(file, (done) => tell({ step: "read", done, of: file.size }, done >= file.size));
  } catch {
    return { unreadable: true };
  }
}

/** Score a packed list. */
async function score({ url, body, lines, headers, size, idName: name }) {
  idName = name;
  let wanted = size > LONGEST_WHOLE ? SHORT : FULL;
  let found = await once(wanted, url, body, lines, headers, size);
  if (found.code === "answer_too_large" && wanted === FULL) found = await once(SHORT, url, body, lines, headers, size);
  if (found.status === 200 && summary) return { ...found, summary, reasons };
  if (found.status === 0 || found.status === 200) return { ...(await why(url, body, headers)), rows: rows.length };
  return found;
}

function begin(most) {
  rows = new Rows(idName);
  summary = null;
  isPriced = true;
  reasons = most;
}

/** Take in a list that was scored elsewhere, as predictions.csv. */
async function read({ blob, idName: name }) {
  idName = name;
  begin(0);
  let rowOf = null;
  await eachRecord(blob, (cells) => {
    if (rowOf) return rows.put(rowOf(cells));
    isPriced = cells.includes("value_at_risk");
    rowOf = readerOf(cells, idName);
  });
  return { isPriced };
}

/** Take in the customers that a summary names. */
function top({ customers, idName: name }) {
  idName = name;
  begin(0);
  for (const { row, probability: chance, value_at_risk: value, ...more } of customers) rows.put({ row, id: more[idName], chance, value });
}

async function once(wanted, url, body, lines, headers, size) {
  begin(wanted.reasons);
  let rest = "";
  const found = await send({
    url: `${url}?${new URLSearchParams(wanted)}`,
    body,
    headers: { ...headers, Accept: "application/x-ndjson", "Content-Type": body.type },
    asBlob: size > LONGEST_AS_TEXT,
    onSent: (done) => tell({ step: "send", done, of: body.size }, done >= body.size),
    onText(text) {
      const parts = (rest + text).split("\n");
      rest = parts.pop();
      for (const line of parts) take(line);
      tell({ step: "score", done: rows.length, of: lines });
    },
  });
  return { ...found, code: codeOf(found.text), hasInput: Boolean(wanted.include_input) };
}

function take(line) {
  if (line.startsWith('{"row"')) rows.add(line);
  else ({ summary = null } = JSON.parse(line));
}

function codeOf(text) {
  try {
    return JSON.parse(text).code;
  } catch {
    return "";
  }
}

/** The answer broke off; asked for the summary alone, the API says what is wrong with the file, if anything is. */
async function why(url, body, headers) {
  tell({ step: "ask" }, true);
  const found = await send({
    url: `${url}?top=0`,
    body,
    headers: { ...headers, Accept: "application/json", "Content-Type": body.type },
    onSent: () => {},
    onText: () => {},
  });
  return found.status === 200 ? { ...found, status: 0 } : found;
}

/** A part of the list as it is asked for, and how long that list is. */
function page({ query, offset, count }) {
  const found = rows.select(query);
  return { total: found.length, rows: found.slice(offset, offset + count).map((place) => rows.at(place)) };
}

function list({ query, safe }) {
  const chosen = rows.select(query).map((place) => rows.at(place));
  return new Blob([toCsv(chosen, idName, isPriced, reasons, safe)], { type: "text/csv" });
}

async function bad(place) {
  return { row: rows.numbers[place], id: rows.ids[place], errors: await rows.wrong(place) };
}

async function rejected({ offset, count }) {
  const places = rows.bad.slice(offset, offset + count);
  return { total: rows.bad.length, rows: await Promise.all(places.map(bad)) };
}

const CALLS = { pack: packed, score, read, top, page, list, rejected, whole: (place) => rows.whole(place) };

onmessage = async ({ data: { id, call, argument } }) => {
  try {
    postMessage({ id, result: await CALLS[call](argument) });
  } catch (error) {
    postMessage({ id, failed: error.message });
  }
};
