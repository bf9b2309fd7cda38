// The table of rejected rows: each error with its row, customer, column and value.
import { byId, create } from "../dom.js";
import { formatCount, pluralize } from "../format.js";
import { drawPager } from "./pager.js";

const PAGE_ROWS = 10;
const COLUMNS = ["Row", "Customer", "Column", "Value", "Error"];
// Of a job's rows only the sentences are known.
const COLUMNS_OF_JOB = ["Row", "Customer", "Error"];

/** Show the rejected rows of a result. `isPartial`: the page does not have them. */
export async function showRejectedRows(result, offset = 0) {
  const { rows_rejected: rejected, rows_in: all } = result.summary;
  byId("list-rejected").hidden = !rejected;
  if (!rejected) return;
  byId("list-rejected-title").textContent = `${formatCount(rejected)} of ${pluralize(all, "row")} rejected`;
  byId("list-rejected-table").replaceChildren();
  byId("list-rejected-pager").hidden = true;
  if (result.isPartial) return;
  const { total, rows } = await result.worker.call("rejectedPage", { offset, count: PAGE_ROWS });
  byId("list-rejected-table").replaceChildren(rejectedTable(rows, result.jobId ? COLUMNS_OF_JOB : COLUMNS));
  drawPager(byId("list-rejected-pager"), {
    offset,
    pageSize: PAGE_ROWS,
    total,
    goTo: (next) => showRejectedRows(result, next),
  });
}

function rejectedTable(rows, columns) {
  const { idName } = byId("list-result").dataset;
  const shown = columns.filter((name) => idName || name !== "Customer");
  const lines = rows.flatMap((row) => row.errors.map((error) => errorLine(row, error, shown, idName)));
  return create(
    "table",
    { className: "row-cards" },
    create("caption", { className: "visually-hidden" }, "Rejected rows"),
    create("thead", {}, create("tr", {}, ...shown.map((name) => create("th", { scope: "col" }, name)))),
    create("tbody", {}, ...lines),
  );
}

function errorLine({ number, id }, { field, value, message }, columns, idName) {
  // Row and customer have columns of their own.
  const prefix =
    [`Row ${number} (${idName} ${id}): `, `Row ${number}: `].find((text) => message.startsWith(text)) ?? "";
  const cells = { Customer: id, Column: field ?? "", Value: value ?? "", Error: message.slice(prefix.length) };
  return create(
    "tr",
    {},
    create("th", { scope: "row", "data-name": "Row" }, formatCount(number)),
    ...columns
      .slice(1)
      .map((name) => create("td", { "data-name": name, className: name === "Column" ? "no-wrap" : "" }, cells[name])),
  );
}
