// The part of Markdown that a model card is written in: headings, paragraphs, lists, tables, code. Everything else is text.
import { make } from "./dom.js";

const FIRST_HEADING = 2;

/** The elements of a text in Markdown; its first heading stands below one of the second level. */
export function render(text) {
  let tables = 0;
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((each) => (each.startsWith("|") ? grid(each.split("\n"), (tables += 1)) : block(each)));
}

function block(text) {
  const heading = /^(#{1,4}) (.*)$/.exec(text);
  if (heading) return make(`h${heading[1].length + FIRST_HEADING}`, {}, ...inline(heading[2]));
  if (text.startsWith("    ")) return make("pre", { tabIndex: 0 }, make("code", {}, text.replace(/^ {4}/gm, "")));
  if (/^[-*] /.test(text)) return make("ul", {}, ...text.split(/\n(?=[-*] )/).map((item) => make("li", {}, ...inline(item.slice(2)))));
  return make("p", {}, ...inline(text));
}

function grid(lines, place) {
  const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const right = cells(lines[1]).map((cell) => cell.endsWith(":"));
  const row = (line, tag) =>
    make("tr", {}, ...cells(line).map((cell, index) => make(tag, { className: right[index] ? "number" : "" }, ...inline(cell))));
  const [head, , ...body] = lines;
  const made = make("table", {}, make("thead", {}, row(head, "th")), make("tbody", {}, ...body.map((line) => row(line, "td"))));
  return make("div", { className: "scroll-x", tabIndex: 0, role: "region", "aria-label": `Table ${place} of the model card` }, made);
}

/** Bold and code; line ends within a paragraph are spaces. */
function inline(text) {
  return text
    .replace(/\s+/g, " ")
    .split(/(\*\*[^*]+\*\*|`[^`]+`)/)
    .map((piece) => {
      if (piece.startsWith("**")) return make("strong", {}, piece.slice(2, -2));
      return piece.startsWith("`") ? make("code", {}, piece.slice(1, -1)) : piece;
    });
}
