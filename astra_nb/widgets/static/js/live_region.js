// The live region, which a screen reader speaks: single rows while it is calm, a count in a flood.

import { element } from "./dom.js";
import { counted } from "./format.js";
import { remarks } from "./row_list.js";

const CALM_ROWS = 3;
const INTERVAL_MS = 2000;
const LINES_KEPT = 20;

/** @typedef {import("./relations.js").RelatedRow} Row */

/**
 * One row as a sentence.
 * @param {Row} row
 */
export function spoken(row) {
  const remark = remarks(row);
  const what = row.kind === "frame"
    ? `${row.direction} ${row.type}, ${counted(row.length, "byte")}: ${row.text}`
    : `${row.kind}: ${row.text}`;
  return `${row.number}, connection ${row.connection}, ${what}${remark ? `, ${remark}` : ""}`;
}

export class LiveRegion {
  constructor() {
    this.root = element("div", {
      class: "astra-spoken",
      role: "log", "aria-live": "polite", "aria-label": "New rows of the frame log",
    });
    /** @type {Row[]} */
    this.waiting = [];
    this.count = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {Row[]} rows */
  add(rows) {
    this.count += rows.length;
    this.waiting.push(...rows.slice(-CALM_ROWS - 1));
    this.waiting.splice(0, this.waiting.length - CALM_ROWS - 1);
    if (this.timer === undefined && this.count > 0) {
      this.timer = setTimeout(() => this.#speak(), INTERVAL_MS);
    }
  }

  #speak() {
    this.timer = undefined;
    const lines = this.waiting.map(spoken);
    if (this.count > CALM_ROWS) {
      lines.splice(0, lines.length, `${counted(this.count, "new row")} in the frame log; the newest: ${lines.at(-1)}`);
    }
    this.waiting = [];
    this.count = 0;
    this.root.append(...lines.map((text) => element("p", { text })));
    while (this.root.children.length > LINES_KEPT) this.root.firstChild?.remove();
  }

  stop() {
    clearTimeout(this.timer);
  }
}
