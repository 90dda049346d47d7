// JSON as it was sent: the tokens themselves, so that numbers, order and equal keys stay. It is read
// in pieces, as pages of a payload are, and without recursion, so that no depth breaks it.

import { visible } from "./format.js";

const TOKEN = /[ \t\n\r]+|[{}[\]:,]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const WHOLE_STRING = /^"(?:[^"\\]|\\[^])*"/;
const REST_OF_STRING = /^(?:[^"\\]|\\[^])*"/;
const REST_OF_WORD = /^[-+.\w]*/;
const LONGEST_WORD = 400; // characters of a number that may be cut
const GOES_ON = "goes on in the next page";

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
 * @property {number} start its first character in its piece
 *
 * @typedef {{ line: JsonLine, object: boolean, keys: Set<string> }} Container
 */

export class JsonReader {
  constructor() {
    /** @type {Container[]} */
    this.open = [];
    /** What may come: a value, a key, a colon, or a comma; "" after the whole. */
    this.wants = /** @type {"value" | "first value" | "key" | "first key" | ":" | "," | ""} */ ("value");
    this.key = "";
    this.start = 0; // of the line that comes, which may begin with a key
    /** How the token begins in which the piece before ended; "" when it ended between two. */
    this.cut = "";
    this.escaped = false; // whether it ended after a backslash
    this.before = 0; // characters of the pieces before
    /** Where it is not JSON, and why; "" as long as it is. */
    this.problem = "";
    /** @type {JsonLine[]} */
    this.lines = [];
  }

  /**
   * Read the next piece.
   * @param {string} text
   * @param {boolean} [last] whether it is the last one
   * @returns {JsonLine[]} its lines
   */
  read(text, last = true) {
    this.lines = [];
    this.start = 0;
    let at = this.cut === "" ? 0 : this.#goOn(text);
    while (at < text.length && this.problem === "") {
      TOKEN.lastIndex = at;
      const token = TOKEN.exec(text)?.[0];
      const rest = token === undefined || text.length - at <= LONGEST_WORD ? text.slice(at) : "";
      if (!last && rest !== "" && isCut(rest)) {
        this.#take(rest, at, true);
        break;
      }
      if (token === undefined) this.#fail(at, `"${visible(text.slice(at, at + 12))}" is not a token`);
      else this.#take(token, at, false);
      at += token?.length ?? 0;
    }
    if (last && (this.open.length > 0 || this.wants !== "")) this.#fail(text.length, "it ends too early");
    this.before += text.length;
    return this.lines;
  }

  /** @param {number} at @param {string} what */
  #fail(at, what) {
    this.problem ||= `not JSON at character ${this.before + at}: ${what}`;
  }

  /** Take the rest of the token that was cut; return where it ends. @param {string} text */
  #goOn(text) {
    const isString = this.cut === '"';
    const skipped = this.escaped ? 1 : 0;
    const found = (isString ? REST_OF_STRING : REST_OF_WORD).exec(text.slice(skipped))?.[0];
    const rest = found === undefined ? text : text.slice(0, skipped + found.length);
    if (this.wants === ":") this.key = `\u2026${rest}`;
    else this.#push(`\u2026${rest}`, "", found === undefined ? GOES_ON : "");
    if (found !== undefined) this.cut = "";
    this.escaped = endsEscaped(rest);
    return rest.length;
  }

  /** @param {string} token @param {number} at @param {boolean} cut whether the rest of it comes in the next piece */
  #take(token, at, cut) {
    const first = token[0] ?? "";
    if (/[ \t\n\r]/.test(first)) return;
    const { wants } = this;
    if (this.key === "") this.start = at;
    const inside = this.open.at(-1);
    if (cut) {
      this.cut = first;
      this.escaped = endsEscaped(token);
    }
    if (wants === "") this.#fail(at, "something follows the value");
    else if (wants === ":") {
      if (first !== ":") this.#fail(at, '":" is missing');
      else this.wants = "value";
    } else if (wants === ",") {
      if (first === ",") {
        const last = this.lines.at(-1);
        if (last) last.comma = ",";
        this.wants = inside?.object ? "key" : "value";
      } else if (first === (inside?.object ? "}" : "]")) this.#close(first);
      else this.#fail(at, '"," is missing');
    } else if (first === "}" || first === "]") {
      if (wants === (first === "}" ? "first key" : "first value")) this.#close(first);
      else this.#fail(at, `"${first}" is not expected`);
    } else if (wants === "key" || wants === "first key") {
      if (first !== '"') this.#fail(at, "a key is missing");
      else this.wants = ":";
      this.key = token;
    } else if (first === ":" || first === ",") this.#fail(at, "a value is missing");
    else this.#value(token, first, cut);
  }

  /** @param {string} token @param {string} first @param {boolean} cut */
  #value(token, first, cut) {
    const inside = this.open.at(-1);
    let aside = cut ? GOES_ON : "";
    if (inside) {
      inside.line.count += 1;
      if (inside.object) {
        const name = plainKey(this.key);
        if (inside.keys.has(name)) aside = `second ${this.key}: most readers keep this one`;
        inside.keys.add(name);
      }
    }
    const bracket = /** @type {"{" | "[" | ""} */ (first === "{" || first === "[" ? first : "");
    const line = this.#push(cut ? `${token}\u2026` : token, bracket, aside || (bracket === "" && !cut ? numberNote(token) : ""));
    if (bracket !== "") {
      this.open.push({ line, object: bracket === "{", keys: new Set() });
      this.wants = bracket === "{" ? "first key" : "first value";
    } else this.wants = this.open.length > 0 ? "," : "";
  }

  /** @param {string} value @param {"{" | "[" | "}" | "]" | ""} bracket @param {string} [aside] */
  #push(value, bracket, aside = "") {
    const line = { depth: this.open.length, key: this.key, value, bracket, comma: "", close: -1, count: 0, aside, start: this.start };
    this.key = "";
    this.lines.push(line);
    return line;
  }

  /** @param {string} bracket */
  #close(bracket) {
    const was = this.open.pop();
    if (was) was.line.close = this.lines.length;
    this.#push(bracket, /** @type {"}" | "]"} */ (bracket));
    this.wants = this.open.length > 0 ? "," : "";
  }
}

/** Whether the end of a piece may be the beginning of a token. @param {string} rest */
function isCut(rest) {
  return rest[0] === '"' ? !WHOLE_STRING.test(rest) : rest.length <= LONGEST_WORD && /^[-+.\w]+$/.test(rest);
}

/** @param {string} text */
function endsEscaped(text) {
  return (/\\*$/.exec(text)?.[0].length ?? 0) % 2 === 1;
}

/** @param {string} key */
function plainKey(key) {
  try {
    return String(JSON.parse(key));
  } catch {
    return key;
  }
}

/**
 * Read a whole text.
 * @param {string} text
 * @returns {{ lines: JsonLine[], problem: string }} `problem`: "" for JSON, else where it is not
 */
export function readJson(text) {
  const reader = new JsonReader();
  return { lines: reader.read(text), problem: reader.problem };
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
 * The scalars and the empty containers by their path, such as `$.bids[0]`; a path that comes again
 * is numbered.
 * @param {JsonLine[]} lines of a whole text
 */
export function valuesByPath(lines) {
  /** @type {Map<string, string>} */
  const found = new Map();
  const open = /** @type {{ path: string, object: boolean, index: number }[]} */ ([]);
  for (const { key, value, bracket, count } of lines) {
    if (bracket === "}" || bracket === "]") {
      open.pop();
      continue;
    }
    const inside = open.at(-1);
    const path = inside === undefined ? "$" : inside.object ? `${inside.path}.${plainKey(key)}` : `${inside.path}[${inside.index++}]`;
    let name = path;
    for (let again = 2; found.has(name); again += 1) name = `${path} (${again})`;
    if (bracket === "") found.set(name, value);
    else {
      if (count === 0) found.set(name, bracket === "{" ? "{}" : "[]");
      open.push({ path: name, object: bracket === "{", index: 0 });
    }
  }
  return found;
}
