// Cells that a spreadsheet would run as a formula: the rule of model/formulas.py, which explains it. Tests compare the two.
const SEPARATORS = ",;|\\t\\r\\n";
const STARTS = "=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212\\-";
const INVISIBLE =
  "\\x00-\\x08\\x0b\\x0c\\x0e-\\x20\\x7f-\\xa0\\xad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u115f\\u1160\\u1680" +
  "\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb" +
  "\\u{110bd}\\u{110cd}\\u{13430}-\\u{1343f}\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}";
const NUMBER = " *[+\\-]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[eE][+\\-]?[0-9]+)? *";
const CELL_START = `^(?!${NUMBER}$)|[${SEPARATORS}](?!${NUMBER}(?![^${SEPARATORS}]))`;
const FORMULA = new RegExp(`(${CELL_START})(?=["${INVISIBLE}]*[${STARTS}])`, "gu");
const LEADING_BREAK = new RegExp(`^["${INVISIBLE}]*[\\t\\r\\n]`, "u");

/** The text with an apostrophe before each part that a spreadsheet would run as a formula; a plain number such as -5 stays. */
export function escapeFormulas(text) {
  const safe = text.replace(FORMULA, "$1'");
  return LEADING_BREAK.test(safe) ? `'${safe}` : safe;
}
