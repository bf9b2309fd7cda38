// A list as CSV, in the form of predictions.csv. The rules for quotes and formulas are those of model/bulk/render.py, and
// a test compares the bytes.
const columns = (idName) => ["row", idName, "prediction", "probability", "tier", "error", "value_at_risk"];
const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;

export const quote = (text) => (/[,"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const defuse = (text) => (/^[=+\-@\t\r\n]/.test(text) && !NUMBER.test(text) ? `'${text}` : text);

/** The text of the rows, with `most` reasons each; `safe` guards cells that a spreadsheet would take for a formula. */
export function toCsv(rows, idName, most, safe) {
  const numbers = Array.from({ length: most }, (_, index) => index);
  const lines = [[...columns(idName), ...numbers.map((index) => `reason_${index + 1}`)].join(",")];
  for (const { row, id, label, chance, tier, value, reasons } of rows) {
    const cells = [row, quote(safe ? defuse(id) : id), label, chance.toFixed(4), tier, "", value.toFixed(2)];
    lines.push([...cells, ...numbers.map((index) => quote(reasons[index]?.sentence ?? ""))].join(","));
  }
  return `${lines.join("\n")}\n`;
}
