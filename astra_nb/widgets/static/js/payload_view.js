// The payload of a record as text, JSON, hex or base64, in pages that the kernel sends.

import { button, element, setText } from "./dom.js";
import { ascii, counted, grouped, hex } from "./format.js";
import { drawJson, readJson } from "./json_view.js";

export const FORMS = ["Text", "JSON", "Hex", "Base64"];
const PAGE = 65_536;
const HEX_LINES = 256;

/** @typedef {{ offset: number, total: number, base64: string, pieces: [string, string][], hit?: [number, number] | null, bad: number, as: string }} Page */

export class PayloadView {
  /** @param {(fields: { offset: number, whole: boolean }) => Promise<Page>} fetchPage */
  constructor(fetchPage) {
    this.fetchPage = fetchPage;
    this.form = ""; // that the person chose
    this.body = element("div", { class: "astra-payload-body" });
    this.place = element("span", { class: "astra-quiet" });
    this.pager = element("div", { class: "astra-pager" },
      button("\u2190 earlier", "The bytes before these", () => this.#turn(-1)), button("later \u2192", "The bytes after these", () => this.#turn(1)), this.place);
    this.root = element("div", {}, this.body, this.pager);
    /** @type {Page | undefined} */
    this.page = undefined;
    this.whole = false;
  }

  /** @param {boolean} whole whether a fragment stands for its message */
  async show(whole) {
    this.whole = whole;
    this.#draw(await this.fetchPage({ offset: -1, whole }));
  }

  /** @param {string} form */
  choose(form) {
    this.form = form;
    if (this.page) this.#draw(this.page);
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
    if (offset >= 0 && offset < page.total) this.#draw(await this.fetchPage({ offset, whole: this.whole }));
  }

  /** @param {Page} page */
  #draw(page) {
    if (page !== this.page) {
      this.page = page;
      this.json = undefined;
      this.problem = "";
      const bytes = bytesOf(page.base64);
      if (page.as !== "bytes" || this.form === "JSON") {
        const text = new TextDecoder().decode(bytes);
        if (this.form === "JSON" || /^\s*[[{]/.test(text)) {
          const { lines, problem } = readJson(text);
          const cut = bytes.length < page.total;
          this.problem = cut ? `This page ends inside the payload of ${counted(page.total, "byte")}.` : problem;
          if (problem === "" || cut) this.json = lines;
        }
      }
    }
    const drawn = { Text: () => this.#text(page), JSON: () => this.#json(), Hex: () => [hexLines(bytesOf(page.base64), page.offset, page)], Base64: () => [element("pre", { class: "astra-text", text: page.base64 })] }[this.shown];
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

  #json() {
    if (this.json === undefined && this.page) {
      const { problem } = readJson(new TextDecoder().decode(bytesOf(this.page.base64)));
      return [element("p", { class: "astra-quiet", text: `The payload is ${problem || "JSON"}.` }), ...this.#text(this.page)];
    }
    return [drawJson(this.json ?? []), ...(this.problem ? [element("p", { class: "astra-quiet", text: this.problem })] : [])];
  }
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
 * Lines of offset, sixteen bytes in hex, and letters; more of them on demand.
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
      const cells = [];
      const letters = [];
      for (let at = from; at < Math.min(from + 16, bytes.length); at += 1) {
        const value = bytes[at] ?? 0;
        const options = { class: classOf(offset + at), "data-byte": offset + at };
        cells.push(element("span", { ...options, text: hex(value) }));
        letters.push(element("span", { ...options, text: ascii(value) }));
      }
      root.append(element("div", { class: "astra-hex-line" }, element("span", { class: "astra-hex-offset", text: hex(offset + from, 4) }),
        element("span", { class: "astra-hex-codes" }, ...cells), element("span", { class: "astra-hex-letters" }, ...letters)));
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
