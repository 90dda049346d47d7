// A ring of the newest rows. What a flood left out, and what was lost on the way, is in the list
// as a gap, so that nothing looks complete that is not.

/**
 * @typedef {import("./relations.js").RelatedRow} Row
 * @typedef {{ kind: "gap", number: number, count: number }} Gap
 * @typedef {Row | Gap} Entry
 */

export class Ring {
  /** @param {number} capacity rows kept at most */
  constructor(capacity) {
    this.capacity = capacity;
    /** @type {Entry[]} */
    this.entries = [];
    /** The highest record number that was covered by a batch. */
    this.covered = 0;
    /** How many entries were dropped at the old end, ever. */
    this.dropped = 0;
  }

  /**
   * Take a batch that covers the records after `after` up to and including `to`.
   * @param {Row[]} rows
   * @param {number} after
   * @param {number} to
   * @returns {"taken" | "old" | "gap"} "gap": records between were never seen; ask for them
   */
  take(rows, after, to) {
    if (to <= this.covered) return "old";
    if (after > this.covered) return "gap";
    const fresh = rows.filter((row) => row.number > this.covered);
    let next = this.covered + 1;
    for (const row of fresh) {
      this.#skip(next, row.number);
      this.entries.push(row);
      next = row.number + 1;
    }
    this.#skip(next, to + 1);
    this.covered = to;
    this.#trim();
    return "taken";
  }

  /** @param {number} number of the first record left out @param {number} end */
  #skip(number, end) {
    if (number < end) this.entries.push({ kind: "gap", number, count: end - number });
  }

  /** Forget the rows, but not how far the log was seen. */
  clear() {
    this.dropped += this.entries.length;
    this.entries = [];
  }

  /** Start again at nothing: the kernel's log is another one now. */
  reset() {
    this.clear();
    this.covered = 0;
  }

  #trim() {
    const over = this.entries.length - this.capacity;
    // Cutting an eighth at once keeps the cost of a cut from falling on every batch.
    if (over <= this.capacity / 8) return;
    this.entries.splice(0, over);
    this.dropped += over;
  }
}

/** @param {Entry} entry @returns {entry is Row} */
export function isRow(entry) {
  return entry.kind !== "gap";
}
