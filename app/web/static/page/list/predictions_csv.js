// Scored rows as CSV, with the same bytes as the API's predictions.csv.
import { csvFormatRows, csvParseRows } from "../../vendor/d3-dsv-3.0.2/d3-dsv.min.mjs";
import { escapeFormulas } from "./formulas.js";

const MONEY = "value_at_risk";

const columnNames = (idName, hasMoney) => [
  "row",
  ...(idName ? [idName] : []),
  "prediction",
  "probability",
  "tier",
  "error",
  ...(hasMoney ? [MONEY] : []),
];

/** Write rows with `reasonCount` reasons each; `isSafe` keeps a spreadsheet from running ids as formulas. */
export function toCsv(rows, { idName, hasMoney, reasonCount, isSafe }) {
  const reasons = Array.from({ length: reasonCount }, (_, index) => index);
  const header = [...columnNames(idName, hasMoney), ...reasons.map((index) => `reason_${index + 1}`)];
  const records = rows.map((row) => [
    row.number,
    ...(idName ? [isSafe ? escapeFormulas(row.id) : row.id] : []),
    row.label,
    row.probability.toFixed(4),
    row.tier,
    "",
    ...(hasMoney ? [row.money?.toFixed(2) ?? ""] : []),
    ...reasons.map((index) => row.reasons[index]?.sentence ?? ""),
  ]);
  return `${csvFormatRows([header, ...records])}\n`;
}

/** Read predictions.csv: calls `addRow` for each row, and returns whether there is a column of money. */
export function fromCsv(text, idName, addRow) {
  let header = null;
  csvParseRows(text, (cells) => {
    if (header) addRow(toRow((name) => cells[header.indexOf(name)], idName));
    else header = cells;
    // Nothing is collected.
    return null;
  });
  return header?.includes(MONEY) ?? false;
}

function toRow(cell, idName) {
  const row = { number: Number(cell("row")), id: idName && cell(idName) };
  if (cell("error")) return { ...row, errors: [{ message: cell("error") }] };
  const money = cell(MONEY) ? Number(cell(MONEY)) : null;
  return { ...row, label: cell("prediction"), tier: cell("tier"), probability: Number(cell("probability")), money };
}
