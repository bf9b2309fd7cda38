// Scored rows as CSV, with the same bytes as the API's predictions.csv.
import { csvFormatRows, csvParseRows } from "../../vendor/d3-dsv-3.0.2/d3-dsv.min.mjs";
import { escapeFormulas } from "./formulas.js";

const columnNames = (idName, hasMoney) => [
  "row",
  idName,
  "prediction",
  "probability",
  "tier",
  "error",
  ...(hasMoney ? ["value_at_risk"] : []),
];

/** Write rows with `reasonCount` reasons each; `isSafe` keeps a spreadsheet from running ids as formulas. */
export function toCsv(rows, { idName, hasMoney, reasonCount, isSafe }) {
  const reasons = Array.from({ length: reasonCount }, (_, index) => index);
  const header = [...columnNames(idName, hasMoney), ...reasons.map((index) => `reason_${index + 1}`)];
  const records = rows.map((row) => [
    row.number,
    isSafe ? escapeFormulas(row.id) : row.id,
    row.label,
    row.probability.toFixed(4),
    row.tier,
    "",
    ...(hasMoney ? [row.money.toFixed(2)] : []),
    ...reasons.map((index) => row.reasons[index]?.sentence ?? ""),
  ]);
  return `${csvFormatRows([header, ...records])}\n`;
}

/** Read predictions.csv: calls `addRow` for each row, and returns whether there is a column of money. */
export function fromCsv(text, idName, addRow) {
  let indexes = null;
  csvParseRows(text, (cells) => {
    if (indexes) addRow(toRow(cells, indexes));
    else indexes = columnNames(idName, true).map((name) => cells.indexOf(name));
    // Nothing is collected.
    return null;
  });
  return indexes?.at(-1) >= 0;
}

function toRow(cells, indexes) {
  const [number, id, label, probability, tier, error, money] = indexes.map((index) => cells[index]);
  if (error) return { number: Number(number), id, errors: [{ message: error }] };
  return { number: Number(number), id, label, tier, probability: Number(probability), money: Number(money ?? 0) };
}
