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
    /** Whether all is done but what came since. */
    this.finished = false;
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
    this.timer = setTimeout(() => this.#search(this.floor, PIECES), TYPING_MS);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.finished = false;
    this.run += 1;
  }

  /** Say that new rows came; after a while they are searched too. */
  more() {
    if (this.finished) this.timer ??= setTimeout(() => this.#search(this.covered, 1), AGAIN_MS);
  }

  /**
   * Search from the newest record down, piece by piece, until another search is begun.
   * @param {number} after only records with a higher number
   * @param {number} pieces at most
   */
  async #search(after, pieces) {
    this.timer = undefined;
    this.finished = false;
    const { run } = this;
    let below = 0;
    for (let piece = 1; ; piece += 1) {
      const asked = this.request({ ...this.query, after, below });
      const answer = await asked.catch(() => undefined);
      if (run !== this.run) return;
      if (answer === undefined) {
        this.sentence = "The kernel does not answer just now: "
          + "only the previews in this view were searched.";
        this.onChange();
        return;
      }
      if (piece === 1) this.covered = answer.value.to;
      below = answer.value.below;
      this.#take(answer.value);
      if (below === 0 || piece === pieces || this.finds.size >= FINDS) break;
      this.sentence = `Searching server.log: ${counted(this.searched, "record")} so far ...`;
      this.onChange();
    }
    // In a flood there is no time for all that came.
    this.whole &&= below === 0;
    const searched = counted(this.searched, "record");
    this.sentence = this.whole
      ? `Searched all ${searched} of server.log, whole payloads.`
      : `Searched ${searched} of server.log, the newest first, and not all of them.`;
    this.finished = true;
    this.onChange();
  }

  /** @param {Found} found */
  #take(found) {
    readRows(found).forEach((row, index) =>
      this.finds.set(row.number, { row, context: found.contexts[index] ?? "" }));
    this.searched += found.searched;
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
