// The lines of a JSON text with folds; only so many at once are in the page.

import { button, element } from "./dom.js";
import { counted, visible } from "./format.js";

const LINES_AT_ONCE = 400;
const LINES_BEFORE = 20; // a search hit
const INDENTS = 40; // deeper lines are not indented further
const OPEN_DEPTH = 4;

/** @typedef {import("./json_reader.js").JsonLine} JsonLine */

/**
 * @param {JsonLine[]} lines
 * @param {{ at: number, text: string }} hit its first character, -1 for none, and the text to mark
 */
export function drawJson(lines, hit) {
  /** @type {Set<number>} folded lines */
  const folded = new Set(lines.flatMap((line, index) => (line.close > index && line.depth >= OPEN_DEPTH ? [index] : [])));
  const hitLine = hit.at < 0 ? -1 : lines.findLastIndex(({ start }) => start <= hit.at);
  for (const index of [...folded]) if (index < hitLine && hitLine < (lines[index]?.close ?? 0)) folded.delete(index);
  let from = hitLine > LINES_AT_ONCE ? hitLine - LINES_BEFORE : 0;
  let limit = LINES_AT_ONCE;
  const root = element("div", { class: "astra-json" });
  const draw = () => {
    const shown = [];
    let index = from;
    for (; index < lines.length && shown.length < limit; index += 1) {
      const line = lines[index];
      if (line === undefined) break;
      const at = index;
      const opener = line.close > index;
      const isFolded = opener && folded.has(index);
      shown.push(drawLine(line, opener ? () => {
        if (!folded.delete(at)) folded.add(at);
        draw();
      } : null, isFolded, lines[line.close]?.comma ?? "", at === hitLine ? hit.text : ""));
      if (isFolded) index = line.close;
    }
    const left = lines.length - index;
    const earlier = from > 0 ? [button(`${counted(from, "line")} before`, "Show those before", () => { from = Math.max(0, from - LINES_AT_ONCE); limit += LINES_AT_ONCE; draw(); })] : [];
    root.replaceChildren(...earlier, ...shown, ...(left > 0 ? [button(counted(left, "more line"), "Show more", () => { limit += LINES_AT_ONCE; draw(); })] : []));
  };
  draw();
  return root;
}

/** @param {JsonLine} line @param {(() => void) | null} onFold @param {boolean} isFolded @param {string} comma @param {string} hit */
function drawLine(line, onFold, isFolded, comma, hit) {
  const inKey = line.key !== "" && visible(line.key).includes(hit);
  const kind = line.bracket !== "" ? "mark" : line.value.startsWith('"') ? "string" : /^[-\d]/.test(line.value) ? "number" : "word";
  return element("div", { style: `--depth: ${Math.min(line.depth, INDENTS)}` },
    onFold ? element("button", { type: "button", class: "astra-fold", text: isFolded ? "\u25b8" : "\u25be", "aria-expanded": String(!isFolded), "aria-label": `${visible(line.key)} ${isFolded ? "unfold" : "fold"}`, onclick: onFold }) : element("span", { class: "astra-fold" }),
    line.key === "" ? null : element("bdi", { class: "astra-json-key" }, ...marked(visible(line.key), inKey ? hit : "")),
    line.key === "" ? null : ": ",
    element("bdi", { class: `astra-json-${kind}` }, ...(isFolded ? [`${line.value}\u2026${line.value === "{" ? "}" : "]"}${comma}`] : marked(visible(line.value), inKey ? "" : hit))), isFolded ? "" : line.comma,
    line.bracket === "{" || line.bracket === "[" ? element("small", { text: counted(line.count, line.bracket === "{" ? "key" : "item") }) : null,
    line.aside === "" ? null : element("small", { class: "astra-aside", text: line.aside }));
}

/** Mark a text in another, or all of that one. @param {string} text @param {string} hit @returns {(string | Node)[]} */
function marked(text, hit) {
  const at = text.indexOf(hit);
  if (hit === "" || text === "") return [text];
  return at < 0 ? [element("mark", { class: "astra-hit", text })] : [text.slice(0, at), element("mark", { class: "astra-hit", text: hit }), text.slice(at + hit.length)];
}
