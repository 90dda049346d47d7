// The hex view of a record: sixteen or eight bytes to a line, in pages; a field lights its bytes.

import { button, element, setText } from "./dom.js";
import { ascii, counted, grouped, hex } from "./format.js";

const PAGE_BYTES = 1024;
const WIDE = { bytes: 16, pixels: 480 };
const NARROW_BYTES = 8;

export class HexView {
  /**
   * @param {(offset: number, length: number) => Promise<Uint8Array>} fetchBytes
   * @param {(byte: number) => void} onByte a byte is pointed at; -1: none
   * @param {() => number} width pixels there are for a line
   */
  constructor(fetchBytes, onByte, width) {
    this.fetchBytes = fetchBytes;
    this.width = width;
    this.total = 0;
    this.offset = 0;
    /** @type {[number, number] | null} */
    this.lit = null;
    this.bad = -1;
    /** @type {Map<number, readonly HTMLElement[]>} */
    this.cells = new Map();
    this.lines = element("div", {
      class: "astra-hex", tabindex: 0, role: "group", "aria-label": "Bytes in hexadecimal",
      onmouseover: ({ target: { dataset } }) => onByte(Number(dataset.byte ?? -1)),
      onmouseleave: () => onByte(-1),
    });
    this.place = element("span", { class: "astra-muted" });
    this.back = button("\u2190 earlier", "The bytes before these", () => this.#page(-1));
    this.forward = button("later \u2192", "The bytes after these", () => this.#page(1));
    this.pager = element("div", { class: "astra-pager" }, this.back, this.forward, this.place);
    this.root = element("div", {}, this.lines, this.pager);
  }

  /**
   * @param {Uint8Array} bytes the first page
   * @param {number} total
   * @param {number} bad position of the byte where UTF-8 breaks, or -1
   */
  show(bytes, total, bad = -1) {
    this.total = total;
    this.offset = 0;
    this.lit = null;
    this.bad = bad;
    this.#draw(bytes);
  }

  /**
   * Light the bytes from `first` up to and including `last`.
   * @param {number} first
   * @param {number} last
   */
  light(first, last) {
    this.lit = last >= first ? [first, last] : null;
    for (const [byte, cells] of this.cells) {
      const on = this.lit !== null && byte >= first && byte <= last;
      for (const cell of cells) cell.classList.toggle("astra-lit", on);
    }
  }

  /** @param {number} step */
  #page(step) {
    const offset = this.offset + step * PAGE_BYTES;
    if (offset < 0 || offset >= this.total) return;
    this.fetchBytes(offset, PAGE_BYTES).then((bytes) => {
      this.offset = offset;
      this.#draw(bytes);
    }, (problem) => setText(this.place, problem.message));
  }

  /** @param {Uint8Array} bytes */
  #draw(bytes) {
    this.cells.clear();
    const lines = [];
    const perLine = this.width() >= WIDE.pixels ? WIDE.bytes : NARROW_BYTES;
    for (let start = 0; start < bytes.length; start += perLine) {
      const codes = element("span", { class: "astra-hex-codes", style: `grid-template-columns: repeat(${perLine}, 2.65ch)` });
      const letters = element("span", { class: "astra-hex-letters" });
      for (let at = start; at < Math.min(start + perLine, bytes.length); at += 1) {
        const byte = this.offset + at;
        const value = bytes[at] ?? 0;
        const cell = (/** @type {string} */ text) =>
          element("span", { class: byte === this.bad ? "astra-bad" : "", text, "data-byte": byte });
        const pair = /** @type {const} */ ([cell(hex(value)), cell(ascii(value))]);
        this.cells.set(byte, pair);
        codes.append(pair[0]);
        letters.append(pair[1]);
      }
      lines.push(element("div", { class: "astra-hex-line" },
        element("span", { class: "astra-hex-offset", text: hex(this.offset + start, 6) }), codes, letters));
    }
    this.lines.replaceChildren(...lines);
    this.pager.hidden = this.total <= PAGE_BYTES;
    this.back.disabled = this.offset === 0;
    this.forward.disabled = this.offset + PAGE_BYTES >= this.total;
    setText(this.place, `bytes ${grouped(this.offset)} to ${grouped(this.offset + bytes.length - 1)} of ${counted(this.total, "byte")}`);
    if (this.lit) this.light(...this.lit);
  }
}
