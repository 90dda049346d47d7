// Rows for tests.

/**
 * @typedef {import("../../astra_nb/widgets/static/js/relations.js").RelatedRow} Row
 */

/**
 * A text frame that a server received, but for what is given.
 * @param {number} number
 * @param {Partial<Row>} [given]
 * @returns {Row}
 */
export function row(number, given = {}) {
  return {
    number, time: number, connection: 1, kind: "frame", type: "text", direction: "received",
    sender: "client", fin: true, rsv: 0, masked: true, key: "", length: 5, complete: true,
    refused: false, changed: false, check: 0, text: '"Hello"', note: "", ...given,
  };
}
