// The rows of a scored list, column by column, so that a hundred thousand can be sorted and searched quickly. What only an
// opened row needs is kept as text.
import { formatCount } from "../format.js";

const CHUNK_ROWS = 2000;
/** C9 before C10. */
const NATURAL = new Intl.Collator("en", { numeric: true });
const COMPARE = {
  row: (rows) => (a, b) => rows.numbers[a] - rows.numbers[b],
  customer: (rows) => (a, b) => NATURAL.compare(rows.ids[a], rows.ids[b]),
  risk: (rows) => (a, b) => rows.probabilities[a] - rows.probabilities[b],
  // Where it is not known, it is the lowest.
  money: (rows) => (a, b) => (rows.money[a] ?? -Number.MAX_VALUE) - (rows.money[b] ?? -Number.MAX_VALUE),
};

export class ScoredRows {
  numbers = [];
  ids = [];
  probabilities = [];
  money = [];
  tiers = [];
  labels = [];
  reasons = [];
  /** The indexes of the rows that were rejected. */
  rejected = [];
  #idName;
  #chunks = [];
  #lines = [];
  #errors = new Map();
  #sharedReasons = new Map();
  #byRisk = null;

  /** `idName` is the member of a row that identifies the customer. */
  constructor(idName) {
    this.#idName = idName;
  }

  get length() {
    return this.ids.length;
  }

  /** Add a row as a line of the API's NDJSON. */
  addLine(line) {
    const {
      row,
      probability,
      value_at_risk: money,
      tier,
      prediction: label,
      reasons,
      errors,
      ...others
    } = JSON.parse(line);
    this.#append({
      number: row,
      id: others[this.#idName],
      probability,
      money,
      tier,
      label,
      reasons,
      isRejected: Boolean(errors),
    });
    this.#lines.push(line);
    if (this.#lines.length === CHUNK_ROWS) {
      this.#chunks.push(new Blob([this.#lines.join("\n")]));
      this.#lines = [];
    }
  }

  /** Add a row of which no more is known. */
  addRow({ errors, ...row }) {
    if (errors) this.#errors.set(this.length, errors);
    this.#append({ ...row, isRejected: Boolean(errors) });
  }

  #append({ number, id, probability, money, tier, label, reasons, isRejected }) {
    if (isRejected) this.rejected.push(this.length);
    this.numbers.push(number);
    this.ids.push(id ?? "");
    this.probabilities.push(probability ?? -1);
    this.money.push(money ?? null);
    this.tiers.push(tier ?? "");
    this.labels.push(label ?? "");
    this.reasons.push((reasons ?? []).map((reason) => this.#share(reason)));
  }

  // Most rows have their reasons in common with others, so each is kept once.
  #share({ sentence, contribution }) {
    const shared = this.#sharedReasons.get(sentence) ?? { sentence, raises: contribution > 0 };
    this.#sharedReasons.set(sentence, shared);
    return shared;
  }

  /**
   * The indexes of the rows that a query selects, in its order. `customers` is the number that reach the threshold by the
   * summary: printed probabilities are rounded, and would sometimes count one more. `limit` keeps those with the highest risk,
   * or in the order of money those with the most money at risk, in whichever direction they are shown.
   */
  select({ customers = Infinity, tier = "", search = "", by = "risk", descending = true, limit = Infinity }) {
    this.#byRisk ??= [...this.ids.keys()]
      .filter((index) => this.probabilities[index] >= 0)
      .sort((a, b) => this.probabilities[b] - this.probabilities[a] || a - b);
    const text = search.trim().toLowerCase();
    const matches = this.#byRisk
      .slice(0, customers)
      .filter((index) => (!tier || this.tiers[index] === tier) && (!text || this.#searchText(index).includes(text)));
    const sort = (indexes, sign) => {
      const compare = COMPARE[by](this);
      return indexes.sort((a, b) => sign * compare(a, b) || a - b);
    };
    const ranked = by === "money" ? sort(matches, -1) : matches;
    return sort(ranked.slice(0, limit), descending ? -1 : 1);
  }

  #searchText(index) {
    const number = this.numbers[index];
    return this.ids[index].toLowerCase() || `row ${number} row ${formatCount(number)}`;
  }

  /** What the table shows of a row. */
  at(index) {
    return {
      index,
      number: this.numbers[index],
      id: this.ids[index],
      probability: this.probabilities[index],
      money: this.money[index],
      tier: this.tiers[index],
      label: this.labels[index],
      reasons: this.reasons[index],
    };
  }

  /** The errors of a rejected row. */
  async errorsAt(index) {
    return this.#errors.get(index) ?? (await this.documentAt(index)).errors;
  }

  /** All that the API returned for a row. */
  async documentAt(index) {
    const chunk = this.#chunks[Math.floor(index / CHUNK_ROWS)];
    const lines = chunk ? (await chunk.text()).split("\n") : this.#lines;
    return JSON.parse(lines[index % CHUNK_ROWS]);
  }
}
