// Charts by the vendored Chart.js, loaded with the first chart. Each is in a figure together with its values as a table.
import { create, createTable, scrollable } from "./dom.js";

const LIBRARY = "../vendor/chart.js-4.6.1/chart.umd.min.js";
const DARK = matchMedia("(prefers-color-scheme: dark)");
const REDUCED_MOTION = matchMedia("(prefers-reduced-motion: reduce)");
const redraws = [];
let library = null;

/** The current colours of the page. */
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = ["text", "muted", "border", "surface", "accent", "high", "low"];
  return { ...Object.fromEntries(names.map((name) => [name, colour(name)])), strongBorder: colour("border-strong") };
}

/**
 * Draw a chart at the end of `root`.
 *
 * `label` describes it for those who cannot see it; `configure(colours)` returns the configuration of Chart.js, and is called
 * again when the colours change; `columns` and `rows` are the same values as a table; `note` is what the chart leaves out; `isTall` gives
 * room for a dozen lines of text below each other.
 */
export async function drawChart(root, { label, configure, columns, rows, note = "", isTall = false }) {
  const canvas = create("canvas", { role: "img", "aria-label": `${label} The values are in the table below.` });
  const table = scrollable(`${label} As a table.`, createTable(columns, rows));
  const details = create("details", {}, create("summary", {}, "Show the values as a table"), table);
  const more = note ? [create("p", { className: "help" }, note)] : [];
  root.append(
    create("figure", {}, create("div", { className: isTall ? "chart tall" : "chart" }, canvas), ...more, details),
  );
  library ??= loadLibrary();
  const Chart = await library;
  let chart = null;
  const draw = () => {
    chart?.destroy();
    chart = new Chart(canvas, withPageStyle(configure(readColours())));
  };
  draw();
  redraws.push(draw);
}

async function loadLibrary() {
  await import(LIBRARY);
  const { font } = globalThis.Chart.defaults;
  font.family = getComputedStyle(document.body).fontFamily;
  // In proportion to the page's text, for those with larger letters or a larger screen.
  font.size = 0.75 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return globalThis.Chart;
}

function withPageStyle(config) {
  const { text, muted, border, surface } = readColours();
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
      animation: REDUCED_MOTION.matches ? false : { duration: 200 },
      color: text,
      ...config.options,
      scales,
      plugins: {
        tooltip: { backgroundColor: text, titleColor: surface, bodyColor: surface, padding: 10, cornerRadius: 6 },
        ...config.options?.plugins,
        legend: { display: false },
      },
    },
  };
}

DARK.addEventListener("change", () => {
  for (const redraw of redraws) redraw();
});
