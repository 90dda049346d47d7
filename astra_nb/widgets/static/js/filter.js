// The filter: which rows are shown.

/**
 * @typedef {import("./relations.js").RelatedRow} Row
 * @typedef {import("./ring.js").Entry} Entry
 * @typedef {{ text: string, regex: boolean, chips: Set<string>, direction: "" | "received" | "sent", connection: number }} Filter
 *   `chips` whose rows are shown, none for all; `connection` 0 for all
 */

/** The chips: name, title, and the types of frame and kinds of record that each lets through. */
export const CHIPS = /** @type {[string, string, string[]][]} */ ([
  ["text", "TEXT frames and their fragments", ["text", "continuation"]],
  ["bytes", "BINARY frames", ["bytes", "continuation"]],
  ["ping", "PING frames", ["ping"]],
  ["pong", "PONG frames", ["pong"]],
  ["close", "CLOSE frames and ended connections", ["close", "closed"]],
  ["handshake", "Opening handshakes", ["handshake", "opened"]],
  ["output", "What handlers printed, notices, and checks", ["output", "notice", "check"]],
  ["errors", "Errors of handlers, and frames with a reserved opcode", ["error", "reserved"]],
]);

/** @returns {Filter} */
export function noFilter() {
  return { text: "", regex: false, chips: new Set(), direction: "", connection: 0 };
}

/** @param {Filter} filter */
export function isFiltering(filter) {
  return filter.text !== "" || filter.chips.size > 0 || filter.direction !== ""
    || filter.connection !== 0;
}

/**
 * Make the test for one entry. A text that is not a valid regular expression matches nothing, and
 * `error` is a sentence about it.
 * @param {Filter} filter
 * @returns {{ test: (entry: Entry) => boolean, others: (entry: Entry) => boolean, error: string }}
 *   `others`: the test without the text
 */
export function compileFilter(filter) {
  let error = "";
  /** @type {(text: string) => boolean} */
  let matches = () => true;
  if (filter.text !== "" && filter.regex) {
    try {
      const pattern = new RegExp(filter.text, "iu");
      matches = (text) => pattern.test(text);
    } catch (problem) {
      error = `This is not a regular expression: ${
        problem instanceof Error ? problem.message.replace(/^Invalid regular expression: /, "") : problem
      }.`;
      matches = () => false;
    }
  } else if (filter.text !== "") {
    const wanted = filter.text.toLowerCase();
    matches = (text) => text.toLowerCase().includes(wanted);
  }
  const filtering = isFiltering(filter);
  const others = (/** @type {Entry} */ entry) => {
    if (entry.kind === "gap") return !filtering;
    if (filter.connection !== 0 && entry.connection !== filter.connection) return false;
    if (filter.direction !== "" && entry.direction !== filter.direction) return false;
    return filter.chips.size === 0 || filter.chips.has(chipOf(entry));
  };
  const test = (/** @type {Entry} */ entry) => others(entry) && (entry.kind === "gap"
    || matches(entry.note ? `${entry.text}\n${entry.note}` : entry.text));
  return { error, others, test };
}

/**
 * The chip a row belongs to; a fragment to the one of its message.
 * @param {Row} row
 */
function chipOf(row) {
  const type = row.kind === "frame" ? row.type : row.kind;
  if (type === "continuation" && row.fragment) return row.fragment.type;
  return CHIPS.find(([, , types]) => types.includes(type))?.[0] ?? "";
}

/**
 * Return whether a row is worth a jump: a control frame, a refusal, an end, an error.
 * @param {Entry} entry
 */
export function isLandmark(entry) {
  return entry.kind !== "gap" && (entry.refused || entry.kind === "closed" || entry.kind === "error"
    || ["ping", "pong", "close", "reserved"].includes(entry.type));
}
