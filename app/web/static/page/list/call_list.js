// The call list: a table of the customers that reach the threshold, with its filters, order and pages.
import { byId, create } from "../dom.js";
import { formatCount, formatMoney, formatRisk, PER_PERIOD, pluralize } from "../format.js";
import { drawPager } from "./pager.js";

const PAGE_ROWS = 15;
const INPUT_DELAY_MS = 200;
const HAS_ID = byId("list-result").dataset.idName !== "";
const COLUMNS = [
  HAS_ID ? { by: "customer", name: "Customer" } : { by: "row", name: "Row" },
  { by: "risk", name: "Risk" },
  { by: "money", name: "Money at risk", className: "number" },
];

const most = (isMoney) => (isMoney ? "the most money at risk" : "the highest risk");

export class CallList {
  #controls = byId("list-controls");
  #openRow;
  #result = null;
  #customers = 0;
  #lastRequest = 0;

  /** `openRow(index)` shows a customer with all that is known of it. */
  constructor(openRow) {
    this.#openRow = openRow;
    let timer = 0;
    this.#controls.addEventListener("submit", (event) => event.preventDefault());
    this.#controls.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#show(0), INPUT_DELAY_MS);
    });
  }

  /** Prepare for another result. `isPartial`: the page has only the customers with the most money at risk. */
  setResult(result) {
    const { hasMoney, isPartial = false } = result;
    this.#result = result;
    this.#controls.reset();
    const { order } = this.#controls.elements;
    for (const option of order.options) option.hidden = option.disabled = option.value.startsWith("money") && !hasMoney;
    if (isPartial) order.value = hasMoney ? "money:down" : "risk:down";
    for (const element of [this.#controls, byId("list-download"), byId("list-spreadsheet-safe").closest("label")])
      element.hidden = isPartial;
  }

  /** Show the `customers` with the highest risk: those that reach the threshold. */
  setCustomers(customers) {
    this.#customers = this.#result.isPartial ? Infinity : customers;
    return this.#show(0);
  }

  /** The current filters and order, for ScoredRows.select. */
  get query() {
    const { search, tier, top, order } = Object.fromEntries(new FormData(this.#controls));
    const [by, direction] = order.split(":");
    const limit = top > 0 ? Math.floor(top) || 1 : Infinity;
    return { customers: this.#customers, search, tier, limit, by, descending: direction === "down" };
  }

  async #show(offset) {
    this.#lastRequest += 1;
    const thisRequest = this.#lastRequest;
    const { query } = this;
    const { total, rows } = await this.#result.worker.call("selectPage", { query, offset, count: PAGE_ROWS });
    // A later request may have been answered first.
    if (thisRequest !== this.#lastRequest) return;
    byId("list-status").textContent = total ? this.#countText(total, query) : this.#emptyText(query);
    byId("list-download").disabled = !total;
    byId("list-table").replaceChildren(...(total ? [this.#table(rows, query)] : []));
    drawPager(byId("list-pager"), { offset, pageSize: PAGE_ROWS, total, goTo: (next) => this.#goTo(next) });
  }

  async #goTo(offset) {
    await this.#show(offset);
    byId("list-table").querySelector("table")?.scrollIntoView({ block: "nearest" });
  }

  #countText(total, { search, tier, limit, by, descending }) {
    if (this.#result.isPartial) return `${pluralize(total, "customer")} with ${most(this.#result.hasMoney)}`;
    if (!search && !tier && limit === Infinity) return pluralize(total, "customer");
    const showsWhich = total === limit && !(descending && (by === "risk" || by === "money"));
    const which = showsWhich ? `, those with ${most(by === "money")}` : "";
    return `${formatCount(total)} of ${pluralize(this.#customers, "customer")} to call${which}`;
  }

  #emptyText({ search, tier }) {
    const scored = this.#result.summary.rows_scored;
    if (!scored) return "No customer in this file could be scored.";
    if (!this.#customers) return "No customer reaches this threshold. Move the slider to the left for a longer list.";
    const filters = [tier && `with ${tier} risk`, search && `matching \u201c${search}\u201d`].filter(Boolean).join(" ");
    const hint = this.#customers < scored ? " Move the slider to the left to include more." : "";
    return `No customer ${filters} among the ${formatCount(this.#customers)} to call.${hint}`;
  }

  #table(rows, { by, descending }) {
    const headers = COLUMNS.filter((column) => column.by !== "money" || this.#result.hasMoney).map((column) => {
      const button = create("button", { type: "button", className: "sort-button" }, column.name);
      button.addEventListener("click", () => this.#sortBy(column.by));
      const sorted = column.by === by ? { "aria-sort": descending ? "descending" : "ascending" } : {};
      return create("th", { scope: "col", className: column.className ?? "", "data-by": column.by, ...sorted }, button);
    });
    if (this.#result.reasonCount) headers.push(create("th", { scope: "col" }, "Why"));
    return create(
      "table",
      { className: "row-cards" },
      create("caption", { className: "visually-hidden" }, "Customers to call. Choose one to see all details."),
      create("thead", {}, create("tr", {}, ...headers)),
      create("tbody", {}, ...rows.map((row) => this.#row(row))),
    );
  }

  #row({ index, number, id, probability, money, tier, reasons }) {
    const rowText = `Row ${formatCount(number)}`;
    const button = create("button", { type: "button", className: "customer-button" }, id || rowText);
    const meter = create("i", { className: `meter is-${tier}`, "aria-hidden": "true" });
    meter.style.setProperty("--share", `${100 * probability}%`);
    const risk = [create("strong", {}, formatRisk(probability))];
    if (tier) risk.push(create("span", { className: `pill ${tier}` }, tier));
    const cells = [
      create("th", { scope: "row" }, button, create("span", { className: "muted" }, id ? rowText.toLowerCase() : "")),
      create("td", { className: "risk" }, ...risk, meter),
    ];
    if (this.#result.hasMoney) {
      cells.push(
        create(
          "td",
          { className: "number", "data-note": `${PER_PERIOD} at risk` },
          money === null ? "not known" : formatMoney(money),
          create("span", { className: "visually-hidden" }, PER_PERIOD),
        ),
      );
    }
    if (this.#result.reasonCount) {
      const items = reasons.map(({ sentence, raises }) =>
        create("li", { className: raises ? "raises-risk" : "lowers-risk" }, sentence),
      );
      cells.push(create("td", {}, create("ul", { className: "reasons" }, ...items)));
    }
    const line = create("tr", {}, ...cells);
    line.addEventListener("click", (event) => {
      // A user who selects an id to copy it does not want to leave the page.
      if (event.detail && getSelection().toString()) return;
      // The place to return to.
      button.focus({ preventScroll: true });
      this.#openRow(index);
    });
    return line;
  }

  async #sortBy(column) {
    const { by, descending } = this.query;
    const isUp = column === by ? descending : column === COLUMNS[0].by;
    this.#controls.elements.order.value = `${column}:${isUp ? "up" : "down"}`;
    await this.#show(0);
    byId("list-table").querySelector(`[data-by="${column}"] .sort-button`)?.focus();
  }
}
