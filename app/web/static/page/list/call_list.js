// The ranked list: what was asked of it, a page of rows, and the ways to the next.
import { make } from "../dom.js";
import { count, counted, money, probability } from "../format.js";
import { pager } from "./pager.js";

const PAGE_ROWS = 15;
const COLUMNS = [
  { by: "customer", name: "Customer" },
  { by: "risk", name: "Risk" },
  { by: "money", name: "Money at risk", className: "number" },
];
const PAUSE_MS = 200;

const element = (name) => document.getElementById(`list-${name}`);

export class Table {
  #desk;
  #open;
  #scored = 0;
  #customers = 0;
  #offset = 0;
  #asked = 0;
  #shown = {};
  #controls = element("controls");

  /** `open(place)` shows a customer with all that is known of it. */
  constructor(open) {
    this.#open = open;
    let timer = 0;
    this.#controls.addEventListener("submit", (event) => event.preventDefault());
    this.#controls.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#show(0), PAUSE_MS);
    });
  }

  /**
   * Begin with another list, and with what it has: the desk with its rows, a summary, reasons, money (`isPriced`), and all of its
   * customers or but those with the most at stake (`isPart`).
   */
  begin({ desk, summary, reasons, isPriced, isPart = false }) {
    this.#controls.reset();
    this.#desk = desk;
    this.#scored = summary.rows_scored;
    this.#shown = { reasons, isPriced, isPart };
    const { order } = this.#controls.elements;
    for (const option of order.options) option.hidden = option.disabled = option.value.startsWith("money") && !isPriced;
    if (isPart) order.value = "money:down";
    for (const each of [element("controls"), element("download"), element("spreadsheet-safe").closest("label")]) each.hidden = isPart;
  }

  /** Show the first `customers` by risk: those who reach the threshold. */
  cut(customers) {
    this.#customers = this.#shown.isPart ? Infinity : customers;
    return this.#show(0);
  }

  /** What is asked for now, for the list as a file. */
  get query() {
    const { search, tier, top, order } = Object.fromEntries(new FormData(this.#controls));
    const [by, way] = order.split(":");
    return { customers: this.#customers, search, tier, top: top > 0 ? Math.floor(top) || 1 : Infinity, by, descending: way === "down" };
  }

  async #show(offset) {
    const asked = ++this.#asked;
    const query = this.query;
    const { total, rows } = await this.#desk.call("page", { query, offset, count: PAGE_ROWS });
    // A later question may have been answered first.
    if (asked !== this.#asked) return;
    this.#offset = offset;
    const filtered = query.search || query.tier || query.top !== Infinity;
    const cut = total === query.top && !(query.descending && (query.by === "risk" || query.by === "money"));
    const kept = cut ? `, those with the ${query.by === "money" ? "most money at" : "highest"} risk` : "";
    if (this.#shown.isPart) element("status").textContent = `${counted(total, "customer")} with the most money at risk`;
    else element("status").textContent = total
      ? `${counted(total, "customer")}${filtered ? ` of the ${count(this.#customers)} to call${kept}` : ""}`
      : this.#nobody(query);
    element("download").disabled = !total;
    element("table").replaceChildren(...(total ? [this.#drawn(rows, query)] : []));
    pager(element("pager"), { offset, count: PAGE_ROWS, total, go: (to) => this.#go(to) });
  }

  get #columns() {
    return COLUMNS.filter(({ by }) => by !== "money" || this.#shown.isPriced);
  }

  #nobody({ search, tier }) {
    if (!this.#scored) return "Nobody in this file could be scored.";
    if (!this.#customers) return "Nobody reaches this risk. Move the slider to the left for a longer list.";
    const what = [tier && `with ${tier} risk`, search && `whose id has \u201c${search}\u201d`].filter(Boolean).join(" ");
    const more = this.#customers < this.#scored ? " The slider further left takes in more." : "";
    return `There is nobody ${what} among the ${count(this.#customers)} to call.${more}`;
  }

  async #go(offset) {
    await this.#show(offset);
    element("table").querySelector("table")?.scrollIntoView({ block: "nearest" });
  }

  #drawn(rows, { by, descending }) {
    const columns = this.#columns;
    const headings = columns.map(({ by: key, name, className = "" }) => {
      const button = make("button", { type: "button", className: "sort-button" }, name);
      button.addEventListener("click", () => this.#sort(key));
      const sorted = key === by ? { "aria-sort": descending ? "descending" : "ascending" } : {};
      return make("th", { scope: "col", className, ...sorted }, button);
    });
    return make(
      "table",
      { className: "row-cards" },
      make("caption", { className: "visually-hidden" }, "Customers to call. Choose one to see it whole."),
      make("thead", {}, make("tr", {}, ...headings, ...(this.#shown.reasons ? [make("th", { scope: "col" }, "Why")] : []))),
      make("tbody", {}, ...rows.map((row) => this.#row(row))),
    );
  }

  #row({ place, row, id, chance, value, tier, reasons }) {
    const name = make("button", { type: "button", className: "customer-button" }, id || `Row ${count(row)}`);
    const meter = make("i", { className: `meter is-${tier}`, "aria-hidden": "true" });
    meter.style.setProperty("--share", `${100 * chance}%`);
    const line = make(
      "tr",
      {},
      make("th", { scope: "row" }, name, make("span", { className: "muted" }, id ? `row ${count(row)}` : "")),
      make("td", { className: "risk" }, make("strong", {}, probability(chance)), ...(tier ? [make("span", { className: `pill ${tier}` }, tier)] : []), meter),
      ...(this.#shown.isPriced ? [make("td", { className: "number" }, money(value), make("span", { className: "visually-hidden" }, " a month"))] : []),
      ...(this.#shown.reasons ? [make("td", {}, make("ul", { className: "reasons" }, ...reasons.map(reason)))] : []),
    );
    line.addEventListener("click", (event) => {
      // Somebody who marks an id to copy it does not want to go elsewhere.
      if (event.detail && getSelection().toString()) return;
      // Whoever comes back goes on from here.
      name.focus({ preventScroll: true });
      this.#open(place);
    });
    return line;
  }

  #sort(key) {
    const order = this.#controls.elements.order;
    const { by, descending } = this.query;
    const first = key === "customer" ? "up" : "down";
    order.value = `${key}:${key === by ? (descending ? "up" : "down") : first}`;
    this.#show(0).then(() => {
      const place = this.#columns.findIndex((column) => column.by === key);
      element("table").querySelectorAll("button.sort")[place]?.focus();
    });
  }
}

function reason({ sentence, raises }) {
  return make("li", { className: raises ? "raises-risk" : "lowers-risk" }, sentence);
}
