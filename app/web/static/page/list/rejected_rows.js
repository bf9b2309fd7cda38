// The rows that could not be scored: each problem with its row, customer, column, what came and what is accepted.
import { make } from "../dom.js";
import { count, counted } from "../format.js";
import { pager } from "./pager.js";

const PAGE_ROWS = 10;
const COLUMNS = ["Row", "Customer", "Column", "What came", "What is wrong"];
const SHORT = ["Row", "Customer", "What is wrong"];

const element = (name) => document.getElementById(`list-${name}`);

/** `isPart`: only the file has the rows. */
export async function showRejects({ desk, summary, isPart }, offset = 0) {
  const { rows_rejected: rejected, rows_in: all } = summary;
  element("rejected").hidden = !rejected;
  if (!rejected) return;
  element("rejected-title").textContent = `${counted(rejected, "row")} of ${count(all)} could not be scored`;
  if (isPart) {
    element("rejected-table").replaceChildren();
    element("rejected-pager").hidden = true;
    return;
  }
  const { total, rows } = await desk.call("rejected", { offset, count: PAGE_ROWS });
  const { idName } = element("result").dataset;
  // Of what the bucket scored only the sentences are known.
  const names = rows.some(({ errors }) => errors.some(({ field }) => field !== undefined)) ? COLUMNS : SHORT;
  const lines = rows.flatMap(({ row, id, errors }) => errors.map((error) => line(row, id, error, idName, names)));
  element("rejected-table").replaceChildren(
    make(
      "table",
      { className: "row-cards" },
      make("caption", { className: "visually-hidden" }, "Rows to mend"),
      make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...lines),
    ),
  );
  pager(element("rejected-pager"), { offset, count: PAGE_ROWS, total, go: (to) => showRejects({ desk, summary }, to) });
}

function line(row, id, { field, value, message }, idName, names) {
  // Row and customer stand in columns of their own.
  const known = [`Row ${row} (${idName} ${id}): `, `Row ${row}: `].find((start) => message.startsWith(start)) ?? "";
  const cells = [id, ...(names === SHORT ? [] : [field ?? "", value ?? ""]), message.slice(known.length)];
  return make(
    "tr",
    {},
    make("th", { scope: "row", "data-name": names[0] }, count(row)),
    ...cells.map((text, index) => make("td", { "data-name": names[index + 1], className: names[index + 1] === "Column" ? "no-wrap" : "" }, text)),
  );
}
