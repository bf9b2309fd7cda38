// The rows of a scored list, column by column, so that a hundred thousand are ranked and searched in a moment. Pure:
// lines of the answer in, parts of the list out. What only an opened row needs stays in pieces of text on the side.
import { count } from "../format.js";

const PIECE_ROWS = 2000;
/** C9 before C10. */
const NATURAL = new Intl.Collator("en", { numeric: true });
const KEYS = {
  row: (rows) => (a, b) => rows.numbers[a] - rows.numbers[b],
  customer: (rows) => (a, b) => NATURAL.compare(rows.ids[a], rows.ids[b]),
  risk: (rows) => (a, b) => rows.chances[a] - rows.chances[b],
  money: (rows) => (a, b) => rows.values[a] - rows.values[b],
};

export class Rows {
  numbers = [];
  ids = [];
  chances = [];
  values = [];
  tiers = [];
  labels = [];
  reasons = [];
  bad = [];
  #idName;
  #pieces = [];
  #lines = [];
  #errors = new Map();
  #sentences = new Map();
  #ranked = null;

  /** `idName` is the member of a row that names the customer. */
  constructor(idName) {
    this.#idName = idName;
  }

  get length() {
    return this.ids.length;
  }

  /** Take in one row as the API wrote it. */
  add(line) {
    const { row, probability, value_at_risk: value, tier, prediction: label, reasons, errors, ...more } = JSON.parse(line);
    this.#put({ row, id: more[this.#idName], chance: probability, value, tier, label, reasons, isBad: Boolean(errors) });
    this.#lines.push(line);
    if (this.#lines.length === PIECE_ROWS) {
      this.#pieces.push(new Blob([this.#lines.join("\n")]));
      this.#lines = [];
    }
  }

  /** Take in one row of which this is all that there is. */
  put({ errors, ...row }) {
    if (errors) this.#errors.set(this.length, errors);
    this.#put({ ...row, isBad: Boolean(errors) });
  }

  #put({ row, id, chance, value, tier, label, reasons, isBad }) {
    if (isBad) this.bad.push(this.length);
    this.numbers.push(row);
    this.ids.push(id ?? "");
    this.chances.push(chance ?? -1);
    this.values.push(value ?? 0);
    this.tiers.push(tier ?? "");
    this.labels.push(label ?? "");
    this.reasons.push((reasons ?? []).map((reason) => this.#shared(reason)));
  }

  // Most rows have their reasons in common with others, so each is kept once.
  #shared({ sentence, contribution }) {
    const found = this.#sentences.get(sentence) ?? { sentence, raises: contribution > 0 };
    this.#sentences.set(sentence, found);
    return found;
  }

  /**
   * The places of those asked for, in order. `customers` is how many reach the threshold, as the summary counted them:
   * printed probabilities are rounded, and would now and then count one more. `top` keeps those with the highest risk, or in
   * the order of money those with the most of it, in whichever direction they are shown.
   */
  select({ customers = Infinity, tier = "", search = "", by = "risk", descending = true, top = Infinity }) {
    this.#ranked ??= this.ids
      .map((_, place) => place)
      .filter((place) => this.chances[place] >= 0)
      .sort((a, b) => this.chances[b] - this.chances[a] || a - b);
    const wanted = search.trim().toLowerCase();
    const found = this.#ranked
      .slice(0, customers)
      .filter((place) => (!tier || this.tiers[place] === tier) && (!wanted || this.#named(place).includes(wanted)));
    const sorted = (places, key, sign) => {
      const compare = KEYS[key](this);
      return places.sort((a, b) => sign * compare(a, b) || a - b);
    };
    const ranked = by === "money" ? sorted(found, by, -1) : found;
    return sorted(ranked.slice(0, top), by, descending ? -1 : 1);
  }

  // What a row is called where it is shown, for who searches it.
  #named(place) {
    const row = this.numbers[place];
    return this.ids[place].toLowerCase() || `row ${row} row ${count(row)}`;
  }

  /** What the table shows of one row. */
  at(place) {
    return {
      place,
      row: this.numbers[place],
      id: this.ids[place],
      chance: this.chances[place],
      value: this.values[place],
      tier: this.tiers[place],
      label: this.labels[place],
      reasons: this.reasons[place],
    };
  }

  /** What is wrong with one row. */
  async wrong(place) {
    return this.#errors.get(place) ?? (await this.whole(place)).errors;
  }

  /** All that the API said of one row. */
  async whole(place) {
    const piece = this.#pieces[Math.floor(place / PIECE_ROWS)];
    const lines = piece ? (await piece.text()).split("\n") : this.#lines;
    return JSON.parse(lines[place % PIECE_ROWS]);
  }
}
