// The search of the whole log by the kernel: beyond the previews, and rows not on the page.

import { CHIPS, isFiltering } from "./filter.js";
import { counted } from "./format.js";
import { readRows } from "./rows.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./filter.js").Filter} Filter
 * @typedef {{ text: string, direction: string, connection: number, types: string[] }} Query
 * @typedef {import("./bridge.js").Found} Found
 * @typedef {{ row: Row, context: string }} Find `context`: the text around the match, "" for elsewhere
 */

const TYPING_MS = 250;
const AGAIN_MS = 2000; // until what came since is searched too
const PIECES = 50; // of the log, each a tenth of a second in the kernel
const FINDS = 2000;

export class Search {
  /**
   * @param {(piece: import("./bridge.js").Piece) => Promise<{ value: Found }>} request
   * @param {() => void} onChange
   */
  constructor(request, onChange) {
    this.request = request;
    this.onChange = onChange;
    /** @type {Map<number, Find>} by the number of the record */
    this.finds = new Map();
    /** What was searched, for the reader; "" without a filter. */
    this.sentence = "";
    /** Only records with a higher number are searched: the view was cleared there. */
    this.floor = 0;
    /** @type {Query} */
    this.query = { text: "", direction: "", connection: 0, types: [] };
    /** The number of this search: what is found for an earlier one is no longer wanted. */
    this.run = 0;
    this.searched = 0;
    this.covered = 0;
    this.whole = true;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {(() => void) | undefined} searches what came since */
    this.again = undefined;
  }

  /**
   * Begin again with another filter, soon, as more may be typed.
   * @param {Filter} filter
   */
  start(filter) {
    this.stop();
    this.finds.clear();
    this.searched = 0;
    this.whole = true;
    this.covered = 0;
    this.sentence = "";
    if (!isFiltering(filter)) return;
    if (filter.regex && filter.text !== "") {
      this.sentence = "Regular expressions look at the previews in this view only.";
      return;
    }
    const { text, direction, connection, chips } = filter;
    const types = CHIPS.flatMap(([name, , lets]) => (chips.has(name) ? lets : []));
    this.query = { text, direction, connection, types };
    this.sentence = "Searching server.log ...";
    this.timer = setTimeout(() => this.#searchAll(), TYPING_MS);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.again = undefined;
    this.run += 1;
  }

  /** Say that new rows came. */
  more() {
    if (this.again !== undefined) this.timer ??= setTimeout(this.again, AGAIN_MS);
  }

  /** From the newest record down, piece by piece. */
  async #searchAll() {
    this.timer = undefined;
    let below = 0;
    for (let piece = 0; piece < PIECES && this.finds.size < FINDS; piece += 1) {
      const found = await this.#search(this.floor, below);
      if (found === null) return;
      if (piece === 0) this.covered = found.to;
      below = found.below;
      this.sentence = `Searching server.log: ${counted(this.searched, "record")} so far ...`;
      if (below === 0) break;
      this.onChange();
    }
    this.whole = below === 0;
    this.#finish();
  }

  async #searchNew() {
    const found = await this.#search(this.covered, 0);
    if (found === null) return;
    this.covered = found.to;
    // In a flood there is no time for all that came.
    this.whole &&= found.below === 0;
    this.#finish();
  }

  #finish() {
    this.sentence = this.whole
      ? `Searched all ${counted(this.searched, "record")} of server.log, whole payloads.`
      : `Searched ${counted(this.searched, "record")} of server.log, the newest first, and not all of them.`;
    this.again = () => {
      this.timer = undefined;
      this.again = undefined;
      void this.#searchNew();
    };
    this.onChange();
  }

  /**
   * @param {number} after
   * @param {number} below
   * @returns {Promise<Found | null>} null when it is no longer wanted
   */
  async #search(after, below) {
    const { run } = this;
    try {
      const { value } = await this.request({ ...this.query, after, below });
      if (run !== this.run) return null;
      readRows(value).forEach((row, index) => this.finds.set(row.number, { row, context: value.contexts[index] ?? "" }));
      this.searched += value.searched;
      this.#trim();
      return value;
    } catch {
      if (run !== this.run) return null;
      this.sentence = "The kernel does not answer just now: only the previews in this view were searched.";
      this.onChange();
      return null;
    }
  }

  #trim() {
    if (this.finds.size <= 2 * FINDS) return;
    const numbers = [...this.finds.keys()].sort((one, other) => one - other);
    for (const number of numbers.slice(0, -FINDS)) this.finds.delete(number);
  }
}

/**
 * Put finds that are not among the rows of a page into their places among them.
 * @param {import("./ring.js").Entry[]} shown in order
 * @param {Set<number>} present numbers of the rows that the page has, shown or not
 * @param {Find[]} finds
 */
export function mergeFinds(shown, present, finds) {
  const more = finds.map(({ row }) => row).filter(({ number }) => !present.has(number));
  if (more.length === 0) return shown;
  return [...shown, ...more].sort((one, other) => one.number - other.number);
}
