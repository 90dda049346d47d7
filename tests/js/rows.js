// Rows for tests.

/** @typedef {import("../../astra_nb/widgets/static/js/rows.js").Row} Row */

/**
 * A text frame that a server received, but for what is given.
 * @param {number} number
 * @param {Partial<Row>} [given]
 * @returns {Row}
 */
export function row(number, given = {}) {
  return {
    number, time: number, connection: 1, kind: "frame", type: "text", direction: "received",
    sender: "client", text: '"Hello"', note: "", bad: false, fin: true, rsv: 0, masked: true, length: 5,
    answer: 0, part: 0, mark: 0, ...given,
  };
}
