// Numbers, times, bytes and problems as text.

/**
 * @param {number} seconds since the epoch
 * @returns {string} local wall-clock time with milliseconds
 */
export function clock(seconds) {
  const date = new Date(seconds * 1000);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * A time span with a fixed number of decimals, so that a column of them lines up.
 * @param {number} seconds
 */
export function span(seconds) {
  return seconds.toFixed(Math.abs(seconds) < 1000 ? 4 : 1);
}

/**
 * The time from one record to another: 0 when the kernel's clock was set back in between.
 * @param {number} from @param {number} to seconds since the epoch
 */
export function elapsed(from, to) {
  return Math.max(0, to - from);
}

/** @param {number} value */
export function grouped(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/**
 * @param {number} count
 * @param {string} noun in the singular
 */
export function counted(count, noun) {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * @param {number} bytes
 * @returns {string} such as "5 B", "1.2 KiB"
 */
export function size(bytes) {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

/** What went wrong: whatever was thrown. @param {unknown} problem */
export function messageOf(problem) {
  return problem instanceof Error ? problem.message : String(problem);
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
export function hex(value, digits = 2) {
  return value.toString(16).padStart(digits, "0");
}

/**
 * @param {Uint8Array} bytes
 * @param {string} [separator]
 */
export function hexOf(bytes, separator = "") {
  return [...bytes].map((byte) => hex(byte)).join(separator);
}

/**
 * Text on one line, in which whatever acts on a terminal or on the layout is an escape.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu,
    (character) => {
      const code = character.charCodeAt(0);
      const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
      return short ?? (code < 0x100 ? `\\x${hex(code)}` : `\\u${hex(code, 4)}`);
    },
  );
}

/**
 * Visible text in quotes, cut after a number of characters.
 * @param {string} text
 * @param {number} limit
 */
export function quoted(text, limit) {
  return `"${visible(text.slice(0, limit))}"${text.length > limit ? `... ${text.length} characters` : ""}`;
}

/**
 * One byte as in the right column of a hex view.
 * @param {number} value
 */
export function ascii(value) {
  return value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : "\u00b7";
}

/** @typedef {{ fin: boolean, rsv: number, masked: boolean }} Bits */

/** @param {Bits} row */
function rsvDigits({ rsv }) {
  return [4, 2, 1].map((bit, index) => (rsv & bit ? index + 1 : "\u00b7")).join("");
}

/**
 * FIN, RSV1 to RSV3 and MASK as a word each; a bit that is not set is a dot.
 * @param {Bits} row
 */
export function flags(row) {
  return `${row.fin ? "FIN" : " \u00b7 "} ${rsvDigits(row)} ${row.masked ? "MASK" : " \u00b7  "}`;
}

/**
 * As `flags`, in one letter each, for a narrow column.
 * @param {Bits} row
 */
export function bitLetters(row) {
  return `${row.fin ? "F" : "\u00b7"} ${rsvDigits(row)} ${row.masked ? "M" : "\u00b7"}`;
}
