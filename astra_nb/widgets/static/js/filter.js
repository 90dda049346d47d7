// Which rows are shown.

/**
 * @typedef {import("./ties.js").TiedRow} Row
 * @typedef {import("./ring.js").Entry} Entry
 * @typedef {object} Filter
 * @property {string} text
 * @property {boolean} regex
 * @property {Set<string>} types types and kinds that are shown; empty: all
 * @property {"" | "received" | "sent"} direction
 * @property {number} connection 0: all
 */

/** @returns {Filter} */
export function noFilter() {
  return { text: "", regex: false, types: new Set(), direction: "", connection: 0 };
}

/** @param {Filter} filter */
export function isFiltering(filter) {
  return filter.text !== "" || filter.types.size > 0 || filter.direction !== ""
    || filter.connection !== 0;
}

/**
 * Make the test for one entry. An expression that is no valid regular expression matches nothing
 * and comes back as `error`, a sentence.
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
      error = `This is no regular expression: ${
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
    const row = /** @type {Row} */ (entry);
    if (filter.connection !== 0 && row.connection !== filter.connection) return false;
    if (filter.direction !== "" && row.direction !== filter.direction) return false;
    return filter.types.size === 0 || filter.types.has(chipOf(row));
  };
  return {
    error,
    others,
    test(entry) {
      if (!others(entry)) return false;
      if (entry.kind === "gap") return true;
      const row = /** @type {Row} */ (entry);
      return matches(row.note ? `${row.text}\n${row.note}` : row.text);
    },
  };
}

/**
 * The chip a row belongs to: a frame to its type, the rest to what it tells.
 * @param {Row} row
 */
export function chipOf(row) {
  if (row.kind === "frame") {
    if (row.type === "continuation") return row.fragment?.type ?? "text";
    return row.type === "reserved" ? "errors" : row.type;
  }
  if (row.kind === "handshake" || row.kind === "opened") return "handshake";
  if (row.kind === "closed") return "close";
  return row.kind === "error" ? "errors" : "output";
}

/**
 * Whether a row is worth a jump: a control frame, a refusal, an end, an error.
 * @param {Entry} entry
 */
export function isLandmark(entry) {
  if (entry.kind === "gap") return false;
  const row = /** @type {Row} */ (entry);
  return row.refused || row.kind === "closed" || row.kind === "error"
    || ["ping", "pong", "close", "reserved"].includes(row.type);
}
