// The terms of the model: a chart for each feature, and for each pair of features a table with a colour for each cell.
import { drawChart } from "./charts.js";
import { create, featureLabel, optionText, scrollable, wordsOf } from "./dom.js";
import { formatCount, formatDecimals, formatNumber } from "./format.js";

/** More bars cannot be read side by side. */
const MAX_BARS = 12;
/** Labels of more words do not fit under standing bars, which then run across. */
const MAX_STANDING_BARS = 6;
/** More lines of a table are not read. */
const MAX_LINES = 100;
const MAX_PAIR_LINES = 20;
/** Per cent of the colour of the largest effect: the numbers can still be read on it. */
const DEEPEST = 45;
const LONGEST_LINE = 16;
const LONGEST_LABEL = 24;
const MOST_LINES = 4;

const largest = (numbers) => numbers.reduce((most, number) => Math.max(most, number), 0);
const smallest = (numbers) => -largest(numbers.map((number) => -number));
const valuesOf = ({ table, points, missing, other }) =>
  [...(table ? Object.values(table) : points.flat()), missing, other].filter((value) => value !== undefined);

/** Show each term, pairs last, of each kind the one with the largest effect first, all charts on the same scale. */
export async function drawTerms(root, { terms = [], ranges }) {
  root.replaceChildren();
  if (terms.length === 0)
    root.append(create("p", {}, "This kind of model has no terms that could be drawn one by one."));
  const values = terms.flatMap(valuesOf);
  const scale = { min: Math.floor(smallest(values)), max: Math.ceil(largest(values)) };
  const effects = new Map(terms.map((term) => [term, rangeOf(valuesOf(term))]));
  const pairs = terms.filter(({ features }) => features);
  const strongest = largest(pairs.flatMap(({ points }) => points.flat()).map(Math.abs));
  const byEffect = terms.toSorted((a, b) => effects.get(b) - effects.get(a));
  for (const term of [
    ...byEffect.filter(({ features }) => !features),
    ...byEffect.filter(({ features }) => features),
  ]) {
    const names = (term.features ?? [term.feature]).map(featureLabel);
    const section = create("section", {}, create("h3", {}, names.join(" and ")));
    root.append(section);
    if (term.features) section.append(pairTable(term, strongest));
    else await drawChart(section, termChart(term, scale, ranges));
  }
}

/** From the lowest to the highest of some numbers, none of which need be 0. */
const rangeOf = (values) =>
  values.reduce((most, value) => Math.max(most, value), -Infinity) -
  values.reduce((least, value) => Math.min(least, value), Infinity);

function termChart(term, scale, ranges) {
  const name = featureLabel(term.feature);
  const rows = rowsOf(term);
  const effectAxis = (colours) => ({
    ...scale,
    grid: { color: ({ tick }) => (tick.value === 0 ? colours.strongBorder : colours.border) },
  });
  const plugins = {
    tooltip: { displayColors: false, callbacks: { label: ({ raw }) => `adds ${formatDecimals(raw.y ?? raw, 2)}` } },
  };
  const isLying = rows.length > MAX_STANDING_BARS;
  const bars = (colours) => {
    const shown = rows.slice(0, MAX_BARS);
    const words = { grid: { display: false }, ticks: { autoSkip: false } };
    return {
      type: "bar",
      data: {
        labels: shown.map(([text]) => (isLying ? shorten(text, LONGEST_LABEL) : toLines(text))),
        datasets: [
          {
            data: shown.map(([, effect]) => effect),
            backgroundColor: shown.map(([, effect]) => (effect > 0 ? colours.high : colours.low)),
            maxBarThickness: 40,
          },
        ],
      },
      options: {
        indexAxis: isLying ? "y" : "x",
        scales: isLying ? { x: effectAxis(colours), y: words } : { x: words, y: effectAxis(colours) },
        plugins,
      },
    };
  };
  const line = (colours) => ({
    type: "line",
    data: {
      datasets: [
        {
          data: curveOf(term, ranges),
          stepped: Boolean(term.edges),
          borderColor: colours.accent,
          backgroundColor: colours.accent,
          borderWidth: 2,
          pointRadius: term.edges ? 0 : 3,
          pointHitRadius: 8,
        },
      ],
    },
    options: { scales: { x: { type: "linear", grid: { display: false } }, y: effectAxis(colours) }, plugins },
  });
  const isCut = term.table && rows.length > MAX_BARS;
  return {
    label: `How much ${name} adds to the log-odds of leaving.`,
    columns: [name, "Adds"],
    rows: rows.slice(0, MAX_LINES).map(([text, effect]) => [text, formatDecimals(effect, 2)]),
    note: [
      isCut && `The ${MAX_BARS} of ${formatCount(rows.length)} words with the largest effect.`,
      !term.table && term.missing !== undefined && `Not known: adds ${formatDecimals(term.missing, 2)}.`,
    ]
      .filter(Boolean)
      .join(" "),
    configure: term.table ? bars : line,
    isTall: Boolean(term.table) && isLying,
  };
}

/** Each word, knot or step of a term, in the order in which it is shown, with what it adds. */
function rowsOf({ feature, table, knots, edges, points, other, missing }) {
  const rows = [];
  if (table) {
    // The order of the form: a JSON object may have lost its own. A word without a form is in no order.
    const words = wordsOf(feature);
    const ordered = words.length === Object.keys(table).length ? words : Object.keys(table);
    rows.push(...ordered.map((word) => [optionText(feature, word), table[word]]));
  } else if (knots) rows.push(...knots.map((knot, index) => [formatKnot(knot), points[index]]));
  else rows.push(...points.map((effect, index) => [stepText(edges, index), effect]));
  if (other !== undefined) rows.push(["Other", other]);
  if (missing !== undefined) rows.push(["Not known", missing]);
  if (table && rows.length > MAX_BARS) rows.sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  return rows;
}

/** The points of a curve, also at the ends of the training data. */
function curveOf({ feature, knots, edges, points }, ranges) {
  if (knots) return knots.map((knot, index) => ({ x: knot, y: points[index] }));
  const [lowest, highest] = ranges[feature] ?? [edges[0] - 1, edges.at(-1) + 1];
  const starts = [Math.min(lowest, edges[0] ?? lowest), ...edges];
  const end = Math.max(highest, starts.at(-1));
  return [...starts.map((x, index) => ({ x, y: points[index] })), { x: end, y: points.at(-1) }];
}

function stepText(edges, index) {
  if (edges.length === 0) return "any";
  if (index === 0) return `below ${formatKnot(edges[0])}`;
  if (index === edges.length) return `${formatKnot(edges.at(-1))} or more`;
  return `${formatKnot(edges[index - 1])} to below ${formatKnot(edges[index])}`;
}

const shorten = (text, longest) => (text.length > longest ? `${text.slice(0, longest - 1)}\u2026` : text);

/** A label in a few short lines; what is in brackets at its end is left out. */
function toLines(text) {
  const lines = text
    .replace(/ \(.*\)$/, "")
    .split(" ")
    .map((word) => shorten(word, LONGEST_LINE));
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), "\u2026"] : lines;
}

/** The grid of a pair, each cell in a colour as strong as its effect: lines of the first feature, columns of the second. */
function pairTable({ features, edges, levels, points }, strongest) {
  const [rows, columns] = features.map((feature, index) =>
    linesOf(feature, edges[index], levels[index], index === 0 ? points.length : points[0].length),
  );
  const effectOf = (row, column) => points[row][column];
  const shownRows = strongestLines(rows, (row) => largest(columns.map((_, column) => Math.abs(effectOf(row, column)))));
  const shownColumns = strongestLines(columns, (column) =>
    largest(rows.map((_, row) => Math.abs(effectOf(row, column)))),
  );
  const [rowName, columnName] = features.map(featureLabel);
  const cell = (effect) => {
    const element = create(
      "td",
      { className: `number ${effect > 0 ? "raises" : "lowers"}` },
      formatDecimals(effect, 2),
    );
    element.style.setProperty("--strength", `${(DEEPEST * Math.abs(effect)) / (strongest || 1)}%`);
    return element;
  };
  const label = `How much ${rowName} and ${columnName} add together to the log-odds of leaving.`;
  const table = create(
    "table",
    { className: "pair" },
    create("caption", {}, `${rowName} (down) and ${columnName} (across)`),
    create(
      "thead",
      {},
      create(
        "tr",
        {},
        create("td"),
        ...shownColumns.map((column) => create("th", { scope: "col", className: "number" }, columns[column])),
      ),
    ),
    create(
      "tbody",
      {},
      ...shownRows.map((row) =>
        create(
          "tr",
          {},
          create("th", { scope: "row" }, rows[row]),
          ...shownColumns.map((column) => cell(effectOf(row, column))),
        ),
      ),
    ),
  );
  return scrollable(label, table);
}

/** The words or steps of one side of a grid that has `count` lines. */
function linesOf(feature, edges, levels, count) {
  if (levels) return levels.map((level) => optionText(feature, level));
  const steps = Array.from({ length: edges.length + 1 }, (_, index) => stepText(edges, index));
  return count > steps.length ? [...steps, "Not known"] : steps;
}

/** The indexes of the lines to show, in their order: all, or those with the largest effect. */
function strongestLines(lines, effectOf) {
  const indexes = [...lines.keys()];
  if (lines.length <= MAX_PAIR_LINES) return indexes;
  const effects = indexes.map(effectOf);
  return indexes
    .sort((a, b) => effects[b] - effects[a])
    .slice(0, MAX_PAIR_LINES)
    .sort((a, b) => a - b);
}

const formatKnot = (value) => (Number.isInteger(value) ? formatCount(value) : formatNumber(value));
