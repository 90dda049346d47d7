// Log rows as objects; `rows.py` sends them as lists, with the names of the fields once.

/**
 * @typedef {object} Row
 * @property {number} number
 * @property {number} time seconds since the epoch
 * @property {number} connection
 * @property {"frame" | "handshake" | "opened" | "closed" | "error" | "output" | "notice" | "check"} kind
 * @property {"" | "received" | "sent"} direction
 * @property {"" | "server" | "client"} sender
 * @property {string} text one line
 * @property {string} note verdict, or detail
 * @property {string} type "" for other records than frames, as the fields below are empty too
 * @property {boolean} fin
 * @property {number} rsv the three bits, RSV1 highest
 * @property {boolean} masked
 * @property {string} key masking key in hex
 * @property {number} length declared payload length, bytes
 * @property {boolean} complete
 * @property {boolean} refused
 * @property {boolean} changed an extension changed the payload
 * @property {number} check CRC-32 of a control frame's payload
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
