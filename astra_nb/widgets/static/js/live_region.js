// The live region, which a screen reader speaks: single rows while it is calm, a count in a flood.

import { element } from "./dom.js";
import { counted } from "./format.js";
import { remark } from "./rows.js";

const CALM_ROWS = 3;
const INTERVAL_MS = 2000;
const LINES_KEPT = 20;

/** @typedef {import("./rows.js").Row} Row */

/** One row as a sentence. @param {Row} row */
export function spoken(row) {
  const { number, text } = remark(row);
  const what = row.kind === "frame" ? `${row.direction} ${row.type}, ${counted(row.length, "byte")}: ${row.text}` : `${row.kind}: ${row.text}`;
  const answers = number ? `, answers ${number}${text ? `, ${text}` : ""}` : "";
  return `${row.number}, connection ${row.connection}, ${what}${row.kind === "frame" && row.note ? `, ${row.note}` : ""}${answers}`;
}

export class LiveRegion {
  constructor() {
    this.root = element("div", { class: "astra-spoken", role: "log", "aria-live": "polite", "aria-label": "New rows of the frame log" });
    this.spoken = -1;
    this.last = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** @param {import("./store.js").Store} store @param {boolean} paused */
  follow(store, paused) {
    if (this.spoken < 0 || paused) this.spoken = store.last;
    this.last = store.last;
    if (this.timer === undefined && this.last > this.spoken) this.timer = setTimeout(() => this.#speak(store), INTERVAL_MS);
  }

  /** @param {import("./store.js").Store} store */
  #speak(store) {
    this.timer = undefined;
    const count = this.last - this.spoken;
    const rows = [];
    for (let number = Math.max(this.spoken, this.last - CALM_ROWS) + 1; number <= this.last; number += 1) {
      const row = store.rows.get(number);
      if (row) rows.push(row);
    }
    this.spoken = this.last;
    const lines = rows.map(spoken);
    if (count > CALM_ROWS) lines.splice(0, lines.length, `${counted(count, "new row")} in the frame log; the newest: ${lines.at(-1) ?? ""}`);
    this.root.append(...lines.map((text) => element("p", { text })));
    while (this.root.children.length > LINES_KEPT) this.root.firstChild?.remove();
  }
}
