// One batch of log rows, from binary columns to row objects; `columns.py` encodes them.

import { hex } from "./format.js";

/**
 * @typedef {object} Row
 * @property {number} number
 * @property {number} time seconds since the epoch
 * @property {number} connection
 * @property {typeof KINDS[number]} kind
 * @property {string} type
 * @property {"" | "received" | "sent"} direction
 * @property {"" | "server" | "client"} sender
 * @property {boolean} fin
 * @property {number} rsv the three bits, RSV1 highest
 * @property {boolean} masked
 * @property {string} key masking key in hex
 * @property {number} length declared payload length, bytes
 * @property {boolean} complete
 * @property {boolean} refused
 * @property {boolean} changed an extension changed the payload
 * @property {number} check CRC-32 of a control frame's payload
 * @property {string} text one line
 * @property {string} note verdict, or detail
 */

const KINDS = /** @type {const} */ (["frame", "handshake", "opened", "closed", "error", "output", "notice"]);
const TYPES = ["", "text", "bytes", "continuation", "ping", "pong", "close", "reserved"];
const MARKS = { sent: 1, client: 2, masked: 4, complete: 8, refused: 16, changed: 32, ends: 64 };

const HEX = Array.from({ length: 256 }, (_, value) => hex(value));

/**
 * Decode a batch.
 * @param {number} count
 * @param {DataView | ArrayBuffer | Uint8Array} buffer
 * @returns {Row[]}
 */
export function decodeColumns(count, buffer) {
  const bytes = buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer)
    : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = 0;
  const times = numbers + 8 * count;
  const lengths = times + 8 * count;
  const connections = lengths + 8 * count;
  const checks = connections + 4 * count;
  const ends = checks + 4 * count;
  const kinds = ends + 8 * count;
  const types = kinds + count;
  const firsts = types + count;
  const marks = firsts + count;
  const keys = marks + count;
  const texts = keys + 4 * count;
  if (bytes.byteLength < texts) throw new RangeError(`a batch of ${count} rows is cut short`);

  const decoder = new TextDecoder();
  const string = (/** @type {number} */ from, /** @type {number} */ to) =>
    from === to ? "" : decoder.decode(bytes.subarray(texts + from, texts + to));
  /** @type {Row[]} */
  const rows = new Array(count);
  let start = 0;
  for (let i = 0; i < count; i += 1) {
    const textEnd = view.getUint32(ends + 8 * i, true);
    const noteEnd = view.getUint32(ends + 8 * i + 4, true);
    const mark = view.getUint8(marks + i);
    const first = view.getUint8(firsts + i);
    const sent = (mark & MARKS.sent) !== 0;
    const side = mark & MARKS.client ? "client" : "server";
    const other = side === "client" ? "server" : "client";
    const passed = (mark & MARKS.ends) !== 0;
    rows[i] = {
      number: view.getFloat64(numbers + 8 * i, true),
      time: view.getFloat64(times + 8 * i, true),
      connection: view.getUint32(connections + 4 * i, true),
      kind: KINDS[view.getUint8(kinds + i)] ?? "notice",
      type: TYPES[view.getUint8(types + i)] ?? "",
      direction: passed ? (sent ? "sent" : "received") : "",
      sender: passed ? (sent ? side : other) : "",
      fin: (first & 0x80) !== 0,
      rsv: (first >> 4) & 0x7,
      masked: (mark & MARKS.masked) !== 0,
      key: mark & MARKS.masked
        ? [0, 1, 2, 3].map((at) => HEX[view.getUint8(keys + 4 * i + at)]).join(" ") : "",
      length: view.getFloat64(lengths + 8 * i, true),
      complete: (mark & MARKS.complete) !== 0,
      refused: (mark & MARKS.refused) !== 0,
      changed: (mark & MARKS.changed) !== 0,
      check: view.getUint32(checks + 4 * i, true),
      text: string(start, textEnd),
      note: string(textEnd, noteEnd),
    };
    start = noteEnd;
  }
  return rows;
}
