// A list as CSV, in the form of predictions.csv, written and read. The rule for quotes is that of model/bulk/records.py, the one for
// formulas that of model/formulas.py, and tests compare the bytes.
const columns = (idName, isPriced) => ["row", idName, "prediction", "probability", "tier", "error", ...(isPriced ? ["value_at_risk"] : [])];

const SEPARATORS = ",;|\\t\\r\\n";
const STARTS = "=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212\\-";
const UNSEEN =
  "\\x00-\\x08\\x0b\\x0c\\x0e-\\x20\\x7f-\\xa0\\xad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u115f\\u1160\\u1680" +
  "\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb" +
  "\\u{110bd}\\u{110cd}\\u{13430}-\\u{1343f}\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}";
const NUMBER = " *[+\\-]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[eE][+\\-]?[0-9]+)? *";
const BEGINNINGS = `^(?!${NUMBER}$)|[${SEPARATORS}](?!${NUMBER}(?![^${SEPARATORS}]))`;
const FORMULA = new RegExp(`(${BEGINNINGS})(?=["${UNSEEN}]*[${STARTS}])`, "gu");
const BREAK_FIRST = new RegExp(`^["${UNSEEN}]*[\\t\\r\\n]`, "u");

export const quote = (text) => (/[,"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A cell of which no spreadsheet takes any part for a formula; a plain number such as -5 stays. */
export function defuse(text) {
  const safe = text.replace(FORMULA, "$1'");
  return BREAK_FIRST.test(safe) ? `'${safe}` : safe;
}

/** The text of the rows, with money where `isPriced`, and `most` reasons each; `safe` keeps ids from being read as formulas. */
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
