// Relations between rows: a fragment to its message, a PONG to its PING, a reply to its request.

import { elapsed } from "./format.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {object} Fragment
 * @property {string} type type of the message
 * @property {number} first number of its first frame
 * @property {number} index 1 for the first frame
 * @property {boolean} last
 * @typedef {object} Answer
 * @property {number} number of the frame that was answered
 * @property {number} after seconds
 * @property {"pong" | "reply" | "close"} kind
 * @typedef {Row & { fragment?: Fragment, answer?: Answer }} RelatedRow
 */

const PINGS_KEPT = 64;

export class Relations {
  constructor() {
    /** @type {Map<string, Fragment>} fragmented messages under way, by connection and sender */
    this.open = new Map();
    /** @type {Map<string, Row[]>} */
    this.pings = new Map();
    /** @type {Map<string, Row | null>} the newest data frame without a reply yet */
    this.requests = new Map();
    /** @type {Map<string, Row>} */
    this.closes = new Map();
    /** @type {Map<number, number>} newest round-trip time of each connection, seconds */
    this.roundTrips = new Map();
  }

  /**
   * Note what a row belongs to. Rows come in log order.
   * @param {RelatedRow} row
   */
  annotate(row) {
    if (row.kind === "closed") this.#forget(row.connection);
    if (row.kind !== "frame" || row.refused) return;
    const mine = `${row.connection} ${row.sender}`;
    const other = `${row.connection} ${row.sender === "server" ? "client" : "server"}`;
    if (row.type === "ping") {
      const waiting = this.pings.get(mine) ?? [];
      waiting.push(row);
      if (waiting.length > PINGS_KEPT) waiting.shift();
      this.pings.set(mine, waiting);
    } else if (row.type === "pong") {
      this.#answerPing(row, this.pings.get(other) ?? []);
    } else if (row.type === "close") {
      const first = this.closes.get(other);
      if (first) row.answer = answer(first, row, "close");
      else this.closes.set(mine, row);
    } else if (["text", "bytes", "continuation"].includes(row.type)) {
      this.#joinFragments(row, mine);
      this.#answerRequest(row, mine, other);
    }
  }

  /** @param {RelatedRow} row @param {Row[]} waiting */
  #answerPing(row, waiting) {
    // A PONG answers the newest PING with the same payload (section 5.5.3); the older ones
    // need no answer any more.
    const at = waiting.findLastIndex(({ check, length }) => check === row.check && length === row.length);
    const ping = waiting[at];
    if (ping === undefined) return;
    row.answer = answer(ping, row, "pong");
    this.roundTrips.set(row.connection, row.answer.after);
    waiting.splice(0, at + 1);
  }

  /** @param {RelatedRow} row @param {string} mine */
  #joinFragments(row, mine) {
    const under = this.open.get(mine);
    if (row.type !== "continuation") {
      if (row.fin) return;
      row.fragment = { type: row.type, first: row.number, index: 1, last: false };
    } else if (under) {
      row.fragment = { ...under, index: under.index + 1, last: row.fin };
    } else {
      return;
    }
    if (row.fin) this.open.delete(mine);
    else this.open.set(mine, row.fragment);
  }

  /** @param {RelatedRow} row @param {string} mine @param {string} other */
  #answerRequest(row, mine, other) {
    if (row.type === "continuation") return;
    const request = this.requests.get(other);
    if (request) row.answer = answer(request, row, "reply");
    this.requests.set(other, null);
    this.requests.set(mine, row);
  }

  /** @param {number} connection */
  #forget(connection) {
    for (const sender of ["server", "client"]) {
      for (const kept of [this.open, this.pings, this.requests, this.closes]) {
        kept.delete(`${connection} ${sender}`);
      }
    }
  }
}

/**
 * @param {Row} asked
 * @param {Row} row
 * @param {"pong" | "reply" | "close"} kind
 * @returns {Answer}
 */
function answer(asked, row, kind) {
  return { number: asked.number, after: elapsed(asked.time, row.time), kind };
}
