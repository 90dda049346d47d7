// The filter, and the search of the whole log for it by the kernel, piece by piece.

import { counted, messageOf } from "./format.js";
import { Sorted } from "./numbers.js";

/**
 * @typedef {{ text: string, regex: boolean, chips: Set<string>, direction: "" | "received" | "sent", connection: number, errors: boolean }} Filter
 *   `chips` whose rows are shown, none for all; `connection` 0 for all
 * @typedef {{ text: string, regex: boolean, types: string[], direction: string, connection: number, errors: boolean }} Query
 */

/** The chips: name, title, and the types of frame and kinds of record that each lets through. */
export const CHIPS = /** @type {[string, string, string[]][]} */ ([
  ["text", "TEXT frames, and fragments", ["text", "continuation"]],
  ["bytes", "BINARY frames, and fragments", ["bytes", "continuation"]],
  ["ping", "PING frames", ["ping"]],
  ["pong", "PONG frames", ["pong"]],
  ["close", "CLOSE frames and ended connections", ["close", "closed"]],
  ["handshake", "Opening handshakes", ["handshake", "opened"]],
  ["print", "What handlers printed, notices, and checks", ["output", "notice", "error", "check"]],
]);

const TYPING_MS = 200;
const AGAIN_MS = 250; // until what came since is searched too

/** @returns {Filter} */
function noFilter() {
  return { text: "", regex: false, chips: new Set(), direction: "", connection: 0, errors: false };
}

/** @param {Filter} filter */
export function isFiltering(filter) {
  return filter.text !== "" || filter.chips.size > 0 || filter.direction !== ""
    || filter.connection !== 0 || filter.errors;
}

/** @param {Filter} filter @returns {Query} */
export function queryOf({ text, regex, chips, direction, connection, errors }) {
  const types = CHIPS.flatMap(([name, , lets]) => (chips.has(name) ? lets : []));
  return { text, regex, types, direction, connection, errors };
}

export class Finder {
  /**
   * @param {import("./bridge.js").Bridge} bridge
   * @param {() => void} onChange
   */
  constructor(bridge, onChange) {
    this.bridge = bridge;
    this.onChange = onChange;
    this.filter = noFilter();
    /** @type {Sorted | null} null while nothing is filtered */
    this.found = null;
    /** What was searched, for the reader; "" without a filter. */
    this.sentence = "";
    this.problem = "";
    this.searched = 0;
    this.covered = 0;
    this.done = true;
    this.again = false;
    /** The number of this search: what is found for an earlier one is no longer wanted. */
    this.run = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** Begin again, as the filter has changed; soon, as more may be typed. */
  start() {
    this.stop();
    this.problem = "";
    this.searched = 0;
    this.covered = 0;
    this.sentence = "";
    if (!isFiltering(this.filter)) {
      this.found = null;
      this.onChange();
      return;
    }
    this.sentence = "Searching ...";
    this.done = false;
    const { run } = this;
    const typed = this.filter.text !== "";
    this.timer = setTimeout(() => this.#search(run, 0, true), typed ? TYPING_MS : 0);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.done = true;
    this.run += 1;
  }

  /** Called when new rows came; they are searched too. */
  more() {
    if (!isFiltering(this.filter)) return;
    if (!this.done) this.again = true;
    else if (this.timer === undefined && this.problem === "") {
      const { run } = this;
      this.timer = setTimeout(() => this.#search(run, this.covered, false), AGAIN_MS);
    }
  }

  /**
   * Search from the newest record down to a number, until another search is begun.
   * @param {number} run @param {number} after @param {boolean} fresh whether what was found before goes
   */
  async #search(run, after, fresh) {
    this.timer = undefined;
    this.done = false;
    const query = queryOf(this.filter);
    let below = 0;
    let first = true;
    do {
      let value;
      try {
        value = await this.bridge.request("find", { ...query, after, below });
      } catch (problem) {
        if (run !== this.run) return;
        this.problem = messageOf(problem);
        this.sentence = "";
        this.found ??= new Sorted([]);
        this.done = true;
        this.onChange();
        return;
      }
      if (run !== this.run) return;
      if (first) this.covered = Math.max(this.covered, value.to);
      const before = fresh && first ? [] : this.found?.numbers ?? [];
      this.found = new Sorted(merge(before, value.numbers));
      this.searched += value.searched;
      below = value.below;
      first = false;
      this.sentence = below
        ? `${counted(this.found.length, "row")}; searched ${counted(this.searched, "record")} so far ...`
        : `${counted(this.found.length, "row")} of ${counted(this.searched, "record")}`;
      this.onChange();
    } while (below !== 0);
    this.done = true;
    if (this.again) {
      this.again = false;
      this.more();
    }
  }
}

/** @param {number[]} one @param {number[]} other both rising */
function merge(one, other) {
  if ((other.at(-1) ?? 0) < (one[0] ?? Infinity)) return other.concat(one);
  if ((one.at(-1) ?? 0) < (other[0] ?? Infinity)) return one.concat(other);
  return [...new Set(one.concat(other))].sort((a, b) => a - b);
}
