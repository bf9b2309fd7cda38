// A list as CSV, in the form of predictions.csv, written and read. The rules for quotes and formulas are those of model/bulk/render.py, and
// a test compares the bytes.
const columns = (idName, isPriced) => ["row", idName, "prediction", "probability", "tier", "error", ...(isPriced ? ["value_at_risk"] : [])];
const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;

export const quote = (text) => (/[,"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const defuse = (text) => (/^[=+\-@\t\r\n]/.test(text) && !NUMBER.test(text) ? `'${text}` : text);

/** The text of the rows, with money where `isPriced`, and `most` reasons each; `safe` guards cells that a spreadsheet would take for a formula. */
export function toCsv(rows, idName, isPriced, most, safe) {
  const numbers = Array.from({ length: most }, (_, index) => index);
  const lines = [[...columns(idName, isPriced), ...numbers.map((index) => `reason_${index + 1}`)].join(",")];
  for (const { row, id, label, chance, tier, value, reasons } of rows) {
    const cells = [row, quote(safe ? defuse(id) : id), label, chance.toFixed(4), tier, "", ...(isPriced ? [value.toFixed(2)] : [])];
    lines.push([...cells, ...numbers.map((index) => quote(reasons[index]?.sentence ?? ""))].join(","));
  }
  return `${lines.join("\n")}\n`;
}

// Each cell begins with the comma in front of it; the first is given one.
const CELL = /,(?:"((?:[^"]|"")*)"|([^,"]*))/g;

const cells = (record) =>
  record.includes('"')
    ? Array.from(`,${record}`.matchAll(CELL), ([, quoted, plain]) => plain ?? quoted.replaceAll('""', '"'))
    : record.split(",");

const isOpen = (record) => record.includes('"') && record.split('"').length % 2 === 0;

/** Read a blob record by record, each as its cells. */
export async function eachRecord(blob, take) {
  const reader = blob.stream().pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split("\n");
    const last = lines.pop();
    let held = "";
    for (const line of lines) {
      held += line;
      // A cell in quotes may go over several lines.
      if (isOpen(held)) held += "\n";
      else {
        take(cells(held));
        held = "";
      }
    }
    rest = held + last;
  }
}

/** A function that makes of cells what `Rows.put` takes, given the header's. */
export function readerOf(header, idName) {
  const [row, id, label, chance, tier, error, value] = columns(idName, true).map((name) => header.indexOf(name));
  return (found) =>
    found[error]
      ? { row: Number(found[row]), id: found[id], errors: [{ message: found[error] }] }
      : {
          row: Number(found[row]),
          id: found[id],
          label: found[label],
          chance: Number(found[chance]),
          tier: found[tier],
          value: Number(found[value] ?? 0),
        };
}
