// What the kernel finds for the filter: behind the previews, and in rows that are not on the page.

import { decodeColumns } from "./columns.js";
import { isFiltering } from "./filter.js";
import { counted } from "./format.js";

/**
 * @typedef {import("./columns.js").Row} Row
 * @typedef {import("./filter.js").Filter} Filter
 * @typedef {import("./store.js").Answer} Answer
 * @typedef {{ row: Row, context: string }} Find `context`: the text around the match, "" for elsewhere
 */

const TYPING_MS = 250;
const AGAIN_MS = 2000; // until what came since is searched too
const PIECES = 50; // of the log, each a tenth of a second in the kernel
const FINDS = 2000;

export class Search {
  /**
   * @param {(what: string, details: Record<string, unknown>) => Promise<Answer>} ask
   * @param {() => void} onChange
   */
  constructor(ask, onChange) {
    this.ask = ask;
    this.onChange = onChange;
    /** @type {Map<number, Find>} by the number of the record */
    this.finds = new Map();
    /** What was searched, for the reader; "" without a filter. */
    this.sentence = "";
    /** Only records with a higher number are searched: the view was cleared there. */
    this.floor = 0;
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
   * Begin anew with another filter, soon, as more may be typed.
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
    const { text, direction, connection } = filter;
    const wanted = { text, direction, connection, types: [...filter.types] };
    const { run } = this;
    this.sentence = "Searching server.log ...";
    this.timer = setTimeout(() => this.#searchAll(wanted, run), TYPING_MS);
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

  /**
   * From the newest record down, piece by piece.
   * @param {Record<string, unknown>} wanted
   * @param {number} run
   */
  async #searchAll(wanted, run) {
    this.timer = undefined;
    let below = 0;
    for (let piece = 0; piece < PIECES && this.finds.size < FINDS; piece += 1) {
      const content = await this.#search({ ...wanted, after: this.floor, below }, run);
      if (content === null) return;
      if (piece === 0) this.covered = content.to;
      below = content.below;
      this.sentence = `Searching server.log: ${counted(this.searched, "record")} so far ...`;
      if (below === 0) break;
      this.onChange();
    }
    this.whole = below === 0;
    this.#finish(wanted, run);
  }

  /**
   * @param {Record<string, unknown>} wanted
   * @param {number} run
   */
  async #searchNew(wanted, run) {
    const content = await this.#search({ ...wanted, after: this.covered, below: 0 }, run);
    if (content === null) return;
    this.covered = content.to;
    // In a flood there is no time for all that came.
    this.whole &&= content.below === 0;
    this.#finish(wanted, run);
  }

  /**
   * @param {Record<string, unknown>} wanted
   * @param {number} run
   */
  #finish(wanted, run) {
    this.sentence = this.whole
      ? `Searched all ${counted(this.searched, "record")} of server.log, whole payloads.`
      : `Searched ${counted(this.searched, "record")} of server.log, the newest first, and not all of them.`;
    this.again = () => {
      this.timer = undefined;
      this.again = undefined;
      void this.#searchNew(wanted, run);
    };
    this.onChange();
  }

  /**
   * @param {Record<string, unknown>} details
   * @param {number} run
   * @returns {Promise<import("./store.js").Content | null>} null when it is no longer wanted
   */
  async #search(details, run) {
    try {
      const { content, buffers } = await this.ask("search", details);
      if (run !== this.run) return null;
      if (content.missing) throw new Error(content.missing);
      const rows = content.count > 0 ? decodeColumns(content.count, buffers[0]) : [];
      rows.forEach((row, index) => this.finds.set(row.number, { row, context: content.contexts[index] }));
      this.searched += content.searched;
      this.#trim();
      return content;
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
