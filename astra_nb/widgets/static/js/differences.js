// Two records side by side: what differs in their headers, their JSON or text, and their bytes.

import { element } from "./dom.js";
import { counted, grouped, visible } from "./format.js";
import { readJson, valuesByPath } from "./json_reader.js";
import { bytesOf, hexLines } from "./payload_view.js";

const MOST_LINES = 5000; // of JSON that is compared value by value
const DEEPEST = 60;
const MOST_SHOWN = 200; // values
const HEX_AROUND = 512; // bytes, from the line before the first difference on

/**
 * @typedef {import("./inspector.js").Detail} Detail
 * @typedef {{ at: number, pages: import("./payload_view.js").Page[] }} Compared `at`: first byte that
 *   differs, -1 for none; a page of each there
 */

/** @param {Detail} one the pinned one @param {Detail} other @param {Compared} compared */
export function drawDifferences(one, other, { at, pages }) {
  const names = [`${one.number} (pinned)`, String(other.number)];
  const fields = [one, other].map(({ frame }) => new Map((frame?.fields ?? []).filter(({ name }) => name !== "payload").map(({ name, value }) => [name, value])));
  const parts = [element("p", { class: "astra-says", text: at < 0 ? "The payloads are the same." : `The payloads differ from byte ${grouped(at)} on.` }), table("Header", names, fields, "fields")];
  if (at < 0) return parts;
  const values = pages.map(valuesOf);
  if (values.every((each) => each !== null)) parts.push(table("JSON", names, /** @type {Map<string, string>[]} */ (values), "values"));
  const texts = pages.map((page) => page.pieces.map(([, text]) => text).join(""));
  const sides = names.map((name, index) => element("div", {}, element("h4", { text: name }),
    values.includes(null) ? differingText(texts[index] ?? "", texts[1 - index] ?? "") : null, bytesAround(pages[index], at)));
  return [...parts, element("div", { class: "astra-two" }, ...sides)];
}

/** The values of a payload that is JSON, and not too much of it. @param {import("./payload_view.js").Page} page */
function valuesOf({ base64, total }) {
  const bytes = bytesOf(base64);
  if (bytes.length < total) return null;
  const { lines, problem } = readJson(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  return problem !== "" || lines.length > MOST_LINES || lines.some(({ depth }) => depth > DEEPEST) ? null : valuesByPath(lines);
}

/** What differs, and how much does not. @param {string} name @param {string[]} heads @param {Map<string, string>[]} sides @param {string} noun */
function table(name, heads, sides, noun) {
  const keys = [...new Set(sides.flatMap((side) => [...side.keys()]))];
  const differ = keys.filter((key) => sides[0]?.get(key) !== sides[1]?.get(key));
  const same = keys.length - differ.length;
  const cell = (/** @type {string | undefined} */ value) => element("td", {}, element("bdi", { text: value === undefined ? "\u2014" : visible(value) }));
  const said = [same > 0 ? `${counted(same, noun.slice(0, -1))} the same` : "", differ.length > MOST_SHOWN ? `the first ${MOST_SHOWN} of ${grouped(differ.length)} that differ` : ""].filter((each) => each !== "");
  return element("table", { class: "astra-compare" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, `${name} `, element("small", { text: said.join(", ") })), ...heads.map((text) => element("th", { text, scope: "col" })))),
    element("tbody", {}, ...differ.slice(0, MOST_SHOWN).map((key) => element("tr", { class: "astra-differs" }, element("th", { scope: "row" }, element("bdi", { text: visible(key) })), ...sides.map((side) => cell(side.get(key)))))));
}

/** A text in which the part that differs from another is marked. @param {string} text @param {string} other */
function differingText(text, other) {
  let start = 0;
  while (start < text.length && text[start] === other[start]) start += 1;
  let end = 0;
  while (end < text.length - start && end < other.length - start && text.at(-1 - end) === other.at(-1 - end)) end += 1;
  return element("pre", { class: "astra-text" }, element("bdi", {}, text.slice(0, start), element("mark", { class: "astra-hit", text: text.slice(start, text.length - end) }), text.slice(text.length - end)));
}

/** @param {import("./payload_view.js").Page | undefined} page @param {number} at */
function bytesAround(page, at) {
  const bytes = bytesOf(page?.base64 ?? "");
  const offset = page?.offset ?? 0;
  const from = Math.max(0, ((at - offset) & ~15) - 16);
  return hexLines(bytes.subarray(from, from + HEX_AROUND), offset + from, { hit: [at, at + 1] });
}
