// Log rows as objects; `log_rows.py` sends them as lists, with the names of their values once.

/**
 * @typedef {object} Row
 * @property {number} number
 * @property {number} time seconds since the epoch
 * @property {number} connection
 * @property {"frame" | "handshake" | "opened" | "closed" | "error" | "output" | "notice" | "check" | "waiting"} kind
 * @property {string} type of a frame, else the kind
 * @property {"" | "received" | "sent"} direction
 * @property {"" | "server" | "client"} sender
 * @property {string} text one line
 * @property {string} note verdict of a frame; "clean", "failed" or "refused" of an end
 * @property {boolean} bad refused, or an error
 * @property {boolean} fin
 * @property {number} rsv the three bits, RSV1 highest
 * @property {boolean} masked
 * @property {number} length declared payload length, bytes
 * @property {0 | [number, number | null, string]} answer number of what it answers, seconds, words
 * @property {0 | [number, string, number, boolean, number]} part of a message: number of the first
 *   frame, type, index from 1, whether it is the last, bytes so far
 * @property {0 | [number, number]} mark where `text` shows the byte that breaks UTF-8
 *
 * @typedef {{ fields: (keyof Row)[], rows: unknown[][] }} Batch
 */

/** @param {Batch} batch @returns {Row[]} */
export function readRows({ fields, rows }) {
  return rows.map((values) => {
    const row = /** @type {any} */ ({});
    fields.forEach((field, at) => { row[field] = values[at]; });
    return row;
  });
}

/**
 * The name of a row's type: that of a fragment says which one it is.
 * @param {Row} row @param {number | undefined} total fragments of its message, as far as known
 * @returns {[string, string]} name, and what follows it quietly
 */
export function typeName(row, total = undefined) {
  if (row.part === 0) return [row.type === "continuation" ? "cont." : row.type, ""];
  const [, type, index] = row.part;
  return [row.type === "continuation" ? "cont." : type, total === undefined ? ` ${index}` : ` ${index}/${total}`];
}

/**
 * What a row says of itself besides its text.
 * @param {Row} row
 */
export function remark(row) {
  if (row.answer !== 0) {
    const [number, seconds, words] = row.answer;
    return { number, text: [words, seconds === null ? "" : duration(seconds)].filter((each) => each !== "").join(" ") };
  }
  return { number: 0, text: "" };
}

/**
 * A duration for reading: "0.42 ms", "12 ms", "1.3 s".
 * @param {number} seconds
 */
export function duration(seconds) {
  const milliseconds = seconds * 1000;
  if (milliseconds < 10) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(0)} ms`;
  return `${seconds.toFixed(1)} s`;
}
