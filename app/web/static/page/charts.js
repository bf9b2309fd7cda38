// Charts by the vendored Chart.js, fetched when the first one is drawn. Each stands in a figure with its values as a table.
import { make, table } from "./dom.js";

const LIBRARY = "../vendor/chart.js-4.6.1/chart.umd.min.js";
const DARK = matchMedia("(prefers-color-scheme: dark)");
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const drawn = new Set();
let library = null;

/** The colours of the page as they are now. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const found = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(
    ["text", "muted", "border", "surface", "accent", "high", "medium", "low", "border-strong"].map((name) => [name, found(name)]),
  );
}

/**
 * Draw a chart at the end of `root`, and return {update, remove}.
 *
 * `label` says what it shows, for those who do not see it; `describe(colours)` returns the configuration of Chart.js, and
 * is asked again when the colours change; `columns` and `rows` are the same values as a table.
 */
export async function chart(root, { label, describe, columns, rows }) {
  const canvas = make("canvas", { role: "img", "aria-label": `${label} The values stand in the table below.` });
  const values = make("div", { className: "scroll-x", tabIndex: 0, role: "region", "aria-label": `${label} As a table.` });
  const figure = make(
    "figure",
    {},
    make("div", { className: "chart" }, canvas),
    make("details", {}, make("summary", {}, "The values as a table"), values),
  );
  values.append(table(columns, rows));
  root.append(figure);
  library ??= load();
  const Chart = await library;
  let shown = null;
  const draw = () => {
    shown?.destroy();
    shown = new Chart(canvas, styled(describe(colours())));
  };
  draw();
  drawn.add(draw);
  return {
    /** Show other values. */
    update(next) {
      describe = next.describe ?? describe;
      values.replaceChildren(table(next.columns ?? columns, next.rows));
      draw();
    },
    /** Take the chart away. */
    remove() {
      drawn.delete(draw);
      shown?.destroy();
      figure.remove();
    },
  };
}

async function load() {
  await import(LIBRARY);
  const { font } = globalThis.Chart.defaults;
  font.family = getComputedStyle(document.body).fontFamily;
  // As large beside the words as everywhere else, for whoever has larger letters or a larger screen.
  font.size = 0.75 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return globalThis.Chart;
}

function styled(config) {
  const { text, muted, border, surface } = colours();
  const scales = Object.fromEntries(
    Object.entries(config.options?.scales ?? {}).map(([name, scale]) => [
      name,
      {
        ...scale,
        grid: { color: border, ...scale.grid },
        border: { color: border, ...scale.border },
        ticks: { color: muted, maxRotation: 0, autoSkipPadding: 12, ...scale.ticks },
        title: { color: muted, ...scale.title },
      },
    ]),
  );
  return {
    ...config,
    options: {
      responsive: true,
      maintainAspectRatio: false,
      animation: STILL.matches ? false : { duration: 200 },
      color: text,
      ...config.options,
      scales,
      plugins: {
        tooltip: { backgroundColor: text, titleColor: surface, bodyColor: surface, padding: 10, cornerRadius: 6 },
        ...config.options?.plugins,
        legend: { display: false, labels: { color: muted, usePointStyle: true }, ...config.options?.plugins?.legend },
      },
    },
  };
}

DARK.addEventListener("change", () => drawn.forEach((draw) => draw()));
