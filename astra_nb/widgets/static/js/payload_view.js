// The payload of a record as text, JSON, hex or base64, in pages that the kernel sends.

import { button, element, setText } from "./dom.js";
import { ascii, counted, grouped, hex, visible } from "./format.js";
import { JsonReader } from "./json_reader.js";
import { drawJson } from "./json_view.js";

export const FORMS = ["Text", "JSON", "Hex", "Base64"];
const PAGE = 65_536;
const HEX_LINES = 256;

/** @typedef {{ offset: number, total: number, base64: string, pieces: [string, string][], hit?: [number, number] | null, bad: number, as: string }} Page */

export class PayloadView {
  /** @param {(fields: { offset: number, whole: boolean }) => Promise<Page>} fetchPage */
  constructor(fetchPage) {
    this.fetchPage = fetchPage;
    this.form = ""; // that the person chose
    this.body = element("div");
    this.place = element("span", { class: "astra-quiet" });
    this.pager = element("div", { class: "astra-pager" },
      button("\u2190 earlier", "The bytes before these", () => this.#turn(-1)), button("later \u2192", "The bytes after these", () => this.#turn(1)), this.place);
    this.root = element("div", {}, this.body, this.pager);
    /** @type {Page | undefined} */
    this.page = undefined;
    this.whole = false;
    /** @type {import("./json_reader.js").JsonLine[] | undefined} this page as JSON */
    this.json = undefined;
    this.problem = "";
    this.reader = new JsonReader();
    this.position = 0; // the byte up to which it has read
    this.run = 0; // what was asked for earlier is no longer drawn
    this.left = 0; // records; a page of one of these, which comes late, is not drawn either
  }

  /** @param {boolean} whole whether a fragment stands for its message */
  async show(whole) {
    this.whole = whole;
    this.reader = new JsonReader();
    this.position = 0;
    await this.#open(-1);
  }

  /** Draw no page of this record that is still to come. */
  leave() {
    this.left += 1;
  }

  /** @param {number} offset */
  async #open(offset) {
    const { left } = this;
    const page = await this.fetchPage({ offset, whole: this.whole });
    if (left === this.left) await this.#draw(page);
  }

  /** @param {string} form */
  async choose(form) {
    this.form = form;
    if (this.page) await this.#draw(this.page);
  }

  /** The form that is shown: what was chosen, else what fits. */
  get shown() {
    if (this.form !== "") return this.form;
    if (this.page?.as === "bytes") return "Hex";
    return this.json !== undefined ? "JSON" : "Text";
  }

  /** @param {number} step */
  async #turn(step) {
    const { page } = this;
    if (!page) return;
    const offset = Math.floor(page.offset / PAGE) * PAGE + step * PAGE;
    if (offset >= 0 && offset < page.total) await this.#open(offset);
  }

  /** Read a page as JSON, after those before it: what is open there depends on them. @param {Page} page */
  async #read(page) {
    const begins = page.offset === 0 ? /^\s*[[{]/.test(decoded(page)) : page.offset === this.position;
    if (this.form !== "JSON" && (this.form !== "" || page.as === "bytes" || !begins)) return undefined;
    if (page.offset < this.position) {
      this.reader = new JsonReader();
      this.position = 0;
    }
    while (this.position < page.offset && this.reader.problem === "") this.#feed(await this.fetchPage({ offset: this.position, whole: this.whole }));
    return this.#feed(page);
  }

  /** @param {Page} page */
  #feed(page) {
    this.position = page.offset + bytesOf(page.base64).length;
    return this.reader.read(decoded(page), this.position >= page.total);
  }

  /** @param {Page} page */
  async #draw(page) {
    const run = this.run += 1;
    if (page !== this.page || this.json === undefined) {
      const lines = await this.#read(page);
      if (run !== this.run) return;
      this.page = page;
      this.problem = lines ? this.reader.problem : "";
      this.json = this.problem === "" ? lines : undefined;
    }
    const drawn = { Text: () => this.#text(page), JSON: () => this.#json(page), Hex: () => [hexLines(bytesOf(page.base64), page.offset, page)], Base64: () => [element("pre", { class: "astra-text", text: page.base64 })] }[this.shown];
    this.body.replaceChildren(...(drawn ? drawn() : []));
    const last = page.offset + bytesOf(page.base64).length;
    this.pager.hidden = page.total <= PAGE;
    setText(this.place, `bytes ${grouped(page.offset)} to ${grouped(last - 1)} of ${grouped(page.total)}`);
    this.reveal();
  }

  /** Bring a search hit, or the byte that is wrong, into sight. */
  reveal() {
    this.body.querySelector(".astra-hit, .astra-bad")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Page} page */
  #text(page) {
    if (page.total === 0) return [element("p", { class: "astra-quiet", text: "The payload is empty." })];
    return [element("pre", { class: "astra-text", tabindex: 0 }, element("bdi", {}, ...page.pieces.map(([mark, text]) => (mark === "" ? text : element("mark", { class: `astra-${mark}`, text })))))];
  }

  /** @param {Page} page */
  #json(page) {
    if (this.json === undefined) return [element("p", { class: "astra-quiet", text: `The payload is ${this.problem}.` }), ...this.#text(page)];
    const [first, last] = page.hit ?? [-1, -1];
    const text = (/** @type {number} */ from, /** @type {number} */ to) => decoded(page, Math.max(0, from - page.offset), Math.max(0, to - page.offset));
    return [drawJson(this.json, { at: first < page.offset || first >= this.position ? -1 : text(page.offset, first).length, text: visible(text(first, last)) })];
  }
}

/** The text of a page, or of some of its bytes. @param {Page} page @param {number} [from] @param {number} [to] */
function decoded(page, from = 0, to = Infinity) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(page.base64).subarray(from, to));
}

/** @param {string} base64 */
export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** @param {string} digits pairs of hex digits */
export function fromHex(digits) {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/**
 * Lines of offset, bytes in hex, and letters; more of them on demand. The sheet shows both halves of
 * sixteen bytes in one line, or each in its own where the line would be cut.
 * @param {Uint8Array} bytes @param {number} offset
 * @param {{ hit?: [number, number] | null, bad?: number }} [marks]
 */
export function hexLines(bytes, offset, marks = {}) {
  const root = element("div", { class: "astra-hex", role: "group", "aria-label": "Bytes in hexadecimal" });
  const { hit, bad = -1 } = marks;
  const classOf = (/** @type {number} */ byte) => (byte === bad ? "astra-bad" : hit && byte >= hit[0] && byte < hit[1] ? "astra-hit" : "");
  let from = 0;
  let next = /** @type {HTMLElement | null} */ (null);
  const more = () => {
    next?.remove();
    for (const end = Math.min(bytes.length, from + HEX_LINES * 16); from < end; from += 16) {
      const halves = from + 8 < bytes.length ? [from, from + 8] : [from];
      const part = (/** @type {string} */ name, /** @type {(value: number) => string} */ textOf) => halves.map((first) => element("span", { class: `astra-hex-${name}` },
        ...Array.from(bytes.subarray(first, first + 8), (value, nth) => element("span", { class: classOf(offset + first + nth), "data-byte": offset + first + nth, text: textOf(value) }))));
      const offsets = halves.map((first) => element("span", { class: "astra-hex-offset", text: hex(offset + first, 4) }));
      root.append(element("div", { class: "astra-hex-line" }, ...offsets, ...part("codes", hex), ...part("letters", ascii)));
    }
    if (from < bytes.length) {
      next = button(`${counted(bytes.length - from, "more byte")} of this page`, "Show more", more);
      root.append(next);
    }
  };
  // A mark is always drawn.
  do more(); while (from < bytes.length && ((bad >= 0 && bad - offset >= from) || (hit && hit[0] - offset >= from)));
  return root;
}
