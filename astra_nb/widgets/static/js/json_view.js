// JSON as it was sent: the tokens themselves, so that numbers, order and equal keys stay; no
// recursion, so that no depth breaks it.

import { button, element } from "./dom.js";
import { counted, visible } from "./format.js";

const TOKEN = /[ \t\n\r]+|[{}[\]:,]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const LINES_AT_ONCE = 400;
const INDENTS = 40; // deeper lines are not indented further
const OPEN_DEPTH = 4;

/**
 * @typedef {object} JsonLine
 * @property {number} depth
 * @property {string} key with its quotes, or ""
 * @property {string} value the tokens of a scalar, or a bracket
 * @property {"{" | "[" | "}" | "]" | ""} bracket
 * @property {string} comma
 * @property {number} close index of the line that closes it, or -1
 * @property {number} count of its items
 * @property {string} aside what is worth knowing about it
 */

/**
 * Read a text as JSON, token by token.
 * @param {string} text
 * @returns {{ lines: JsonLine[], problem: string }} `problem`: "" for JSON, else where it is not
 */
export function readJson(text) {
  /** @type {JsonLine[]} */
  const lines = [];
  /** @type {{ line: number, object: boolean, keys: Set<string> }[]} */
  const open = [];
  let at = 0;
  let key = "";
  // What may come: a value, a key, a colon, or a comma.
  let wants = /** @type {"value" | "first value" | "key" | "first key" | ":" | "," | ""} */ ("value");
  const wrong = (/** @type {string} */ what) => ({ lines, problem: `not JSON at character ${at}: ${what}` });
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return wrong(`"${visible(text.slice(at, at + 12))}" is not a token`);
    const first = token[0] ?? "";
    const inside = open.at(-1);
    if (/[ \t\n\r]/.test(first)) {
      at += token.length;
      continue;
    }
    if (wants === "") return wrong("something follows the value");
    if (wants === ":" || wants === ",") {
      if (wants === ":" && first !== ":") return wrong('":" is missing');
      if (wants === ":") wants = "value";
      else if (first === ",") {
        const last = lines.at(-1);
        if (last) last.comma = ",";
        wants = inside?.object ? "key" : "value";
      } else if (first === (inside?.object ? "}" : "]")) close(first);
      else return wrong('"," is missing');
    } else if (first === "}" || first === "]") {
      if (wants !== (first === "}" ? "first key" : "first value")) return wrong(`"${first}" is not expected`);
      close(first);
    } else if (wants === "key" || wants === "first key") {
      if (first !== '"') return wrong("a key is missing");
      key = token;
      wants = ":";
    } else if (first === ":" || first === ",") return wrong("a value is missing");
    else value(token, first);
    at += token.length;
  }
  return open.length > 0 || wants !== "" ? wrong("it ends too early") : { lines, problem: "" };

  /** @param {string} token @param {string} first */
  function value(token, first) {
    const inside = open.at(-1);
    let aside = "";
    if (inside) {
      const parent = lines[inside.line];
      if (parent) parent.count += 1;
      if (inside.object) {
        const name = plainKey(key);
        if (inside.keys.has(name)) aside = `second ${key}: most readers keep this one`;
        inside.keys.add(name);
      }
    }
    const bracket = /** @type {"{" | "[" | ""} */ (first === "{" || first === "[" ? first : "");
    if (bracket === "") aside = aside || numberNote(token);
    lines.push({ depth: open.length, key: inside?.object ? key : "", value: token, bracket, comma: "", close: -1, count: 0, aside });
    key = "";
    if (bracket !== "") {
      open.push({ line: lines.length - 1, object: bracket === "{", keys: new Set() });
      wants = bracket === "{" ? "first key" : "first value";
    } else wants = open.length > 0 ? "," : "";
  }

  /** @param {string} bracket */
  function close(bracket) {
    const was = open.pop();
    const opener = was && lines[was.line];
    if (opener) opener.close = lines.length;
    lines.push({ depth: open.length, key: "", value: bracket, bracket: /** @type {"}" | "]"} */ (bracket), comma: "", close: -1, count: 0, aside: "" });
    wants = open.length > 0 ? "," : "";
  }
}

/** @param {string} key */
function plainKey(key) {
  try {
    return String(JSON.parse(key));
  } catch {
    return key;
  }
}

/** What JavaScript makes of a number that it cannot hold. @param {string} token */
export function numberNote(token) {
  if (!/^-?\d/.test(token)) return "";
  const number = Number(token);
  if (!Number.isFinite(number)) return "too large: JavaScript reads Infinity";
  if (/^-?\d+$/.test(token) && String(BigInt(token)) !== String(BigInt(number)) && token !== "-0") return `past 2\u2075\u00b3: JavaScript reads ${BigInt(number)}`;
  return "";
}

/**
 * Draw lines with folds; only so many at once are in the page.
 * @param {JsonLine[]} lines
 */
export function drawJson(lines) {
  /** @type {Set<number>} folded lines */
  const folded = new Set(lines.flatMap((line, index) => (line.close > index && line.depth >= OPEN_DEPTH ? [index] : [])));
  let limit = LINES_AT_ONCE;
  const root = element("div", { class: "astra-json" });
  const draw = () => {
    const shown = [];
    let index = 0;
    for (; index < lines.length && shown.length < limit; index += 1) {
      const line = lines[index];
      if (line === undefined) break;
      const at = index;
      const opener = line.close > index;
      const isFolded = opener && folded.has(index);
      shown.push(drawLine(line, opener ? () => {
        if (!folded.delete(at)) folded.add(at);
        draw();
      } : null, isFolded, lines[line.close]?.comma ?? ""));
      if (isFolded) index = line.close;
    }
    const left = lines.length - index;
    root.replaceChildren(...shown, ...(left > 0 ? [button(counted(left, "more line"), "Show more", () => { limit += LINES_AT_ONCE; draw(); })] : []));
  };
  draw();
  return root;
}

/** @param {JsonLine} line @param {(() => void) | null} onFold @param {boolean} isFolded @param {string} comma */
function drawLine(line, onFold, isFolded, comma) {
  const kind = line.bracket !== "" ? "mark" : line.value.startsWith('"') ? "string" : /^[-\d]/.test(line.value) ? "number" : "word";
  return element("div", { style: `--depth: ${Math.min(line.depth, INDENTS)}` },
    onFold ? element("button", { type: "button", class: "astra-fold", text: isFolded ? "\u25b8" : "\u25be", "aria-expanded": String(!isFolded), "aria-label": `${visible(line.key)} ${isFolded ? "unfold" : "fold"}`, onclick: onFold }) : element("span", { class: "astra-fold" }),
    line.key === "" ? null : element("bdi", { class: "astra-json-key", text: visible(line.key) }),
    line.key === "" ? null : ": ",
    element("bdi", { class: `astra-json-${kind}`, text: isFolded ? `${line.value}\u2026${line.value === "{" ? "}" : "]"}${comma}` : visible(line.value) }), isFolded ? "" : line.comma,
    line.bracket === "{" || line.bracket === "[" ? element("small", { text: counted(line.count, line.bracket === "{" ? "key" : "item") }) : null,
    line.aside === "" ? null : element("small", { class: "astra-aside", text: line.aside }));
}
