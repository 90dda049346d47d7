// One record in detail: a frame bit by bit, a handshake line by line, anything else as text.

import { button, element, setText } from "./dom.js";
import { ascii, counted, grouped, hex } from "./format.js";
import { drawFigure } from "./figure.js";
import { HexView } from "./hex_view.js";
import { drawTree, parseTree, visible } from "./json_tree.js";
import { remarks } from "./row_list.js";

/**
 * @typedef {import("./figure.js").Field} Field
 * @typedef {import("./ties.js").TiedRow} Row
 * @typedef {import("./store.js").Store} Store
 */

const MASK_COLUMNS = 64;

export class Inspector {
  /**
   * @param {Store} store
   * @param {{ onAgain: (number: number) => void }} handlers
   */
  constructor(store, handlers) {
    this.store = store;
    this.handlers = handlers;
    this.number = 0;
    this.title = element("h3", { class: "astra-inspector-title", attributes: { tabindex: -1 } });
    this.body = element("div", {
      class: "astra-inspector-body",
      attributes: { tabindex: 0, role: "group", "aria-label": "Detail" },
    });
    this.root = element("section", { class: "astra-inspector", attributes: { "aria-label": "Inspector" } },
      this.title, this.body);
    this.clear();
  }

  clear() {
    this.number = 0;
    setText(this.title, "Inspector");
    this.body.replaceChildren(element("p", {
      class: "astra-hint",
      text: "Choose a row, with the mouse or with the arrow keys: its bits, its bytes and what they mean stand here.",
    }));
  }

  /** @param {Row} row */
  async show(row) {
    if (this.number === row.number) return;
    this.number = row.number;
    setText(this.title, headline(row));
    this.body.setAttribute("aria-busy", "true");
    try {
      const { content, buffers } = await this.store.ask("detail", { number: row.number });
      if (this.number !== row.number) return;
      if (content.missing) this.#sentence(row, content.missing);
      else this.#draw(row, content, buffers);
    } catch (problem) {
      if (this.number === row.number) {
        this.#sentence(row, problem instanceof Error ? problem.message : String(problem));
        this.number = 0;
      }
    } finally {
      this.body.removeAttribute("aria-busy");
    }
  }

  /**
   * @param {Row} row
   * @param {string} sentence
   */
  #sentence(row, sentence) {
    this.body.replaceChildren(
      element("p", { class: "astra-hint", text: sentence }),
      element("p", { class: "astra-mono" }, element("bdi", { text: row.text })));
  }

  /**
   * @param {Row} row
   * @param {{ [name: string]: any }} detail
   * @param {DataView[]} buffers
   */
  #draw(row, detail, buffers) {
    const bytes = bytesOf(buffers[0]);
    const parts = [];
    const remark = remarks(row);
    if (detail.verdict) parts.push(element("p", { class: "astra-verdict", text: detail.verdict }));
    for (const rule of detail.problems ?? []) parts.push(element("p", { class: "astra-verdict", text: rule }));
    if (remark && !detail.verdict) parts.push(element("p", { class: "astra-muted", text: remark }));
    if (detail.record === "frame") parts.push(...this.#frameParts(detail, bytes, bytesOf(buffers[1]), bytesOf(buffers[2])));
    else if (detail.record === "handshake") parts.push(...handshakeParts(detail));
    else parts.push(...textParts(detail));
    this.body.replaceChildren(...parts);
    this.body.scrollTop = 0;
  }

  /**
   * @param {{ [name: string]: any }} detail
   * @param {Uint8Array} raw the frame's first bytes on the wire
   * @param {Uint8Array} payload the payload's first bytes, unmasked
   * @param {Uint8Array} message the first bytes of the whole message, for a fragment
   */
  #frameParts(detail, raw, payload, message) {
    /** @type {Field[]} */
    const fields = detail.fields;
    const meaning = element("p", { class: "astra-meaning", attributes: { "aria-live": "polite" } });
    const fetchBytes = async (/** @type {number} */ offset, /** @type {number} */ length) => {
      const { buffers, content } = await this.store.ask("bytes", { number: detail.number, offset, length });
      if (content.missing) throw new Error(content.missing);
      return bytesOf(buffers[0]);
    };
    const light = (/** @type {number} */ index) => {
      const field = fields[index];
      for (const cell of figure.querySelectorAll("[data-field]")) {
        cell.classList.toggle("astra-lit", cell.getAttribute("data-field") === String(index));
      }
      if (!field) {
        meaning.replaceChildren(element("span", { class: "astra-muted", text: "Point at a field or at a byte, or move with the arrow keys." }));
        hexView.light(0, -1);
        return;
      }
      hexView.light(field.first >> 3, Math.max(field.first, field.first + field.bits - 1) >> 3);
      meaning.replaceChildren(
        element("b", { text: `${field.name} = ${field.value}` }),
        ` ${field.meaning} `,
        element("span", { class: "astra-section", text: field.section }));
    };
    const hexView = new HexView(fetchBytes, (byte) => {
      if (byte < 0) return;
      // The last field that covers the byte: in the first two bytes that is the widest one.
      const index = fields.findLastIndex((field) => byte >= field.first >> 3
        && byte <= (field.first + field.bits - 1) >> 3);
      light(index);
    }, () => this.body.clientWidth);
    const figure = drawFigure(fields, raw, light);
    moveAmongFields(figure);
    const bad = detail.bad_byte;
    hexView.show(raw, detail.size, bad < 0 || detail.changed ? -1 : detail.header_length + bad);
    light(-1);

    const parts = [figure, meaning, heading("Bytes on the wire", counted(detail.size, "byte")), hexView.root];
    if (detail.masked && payload.length > 0) {
      parts.push(heading("Unmasking", "byte i of the payload XOR byte i mod 4 of the key (section 5.3)"),
        maskTable(raw.subarray(detail.header_length), detail.key, payload));
    }
    parts.push(...payloadParts(detail, payload));
    if (detail.whole) parts.push(...wholeMessage(detail.whole, message));
    parts.push(element("div", { class: "astra-pager" },
      button("Send again", "Send this frame's payload again, with the sender and target chosen below", () => this.handlers.onAgain(detail.number)),
      button("Copy as text", "Copy what frame.explain() says", () => navigator.clipboard?.writeText(detail.explanation))));
    return parts;
  }
}

/** @param {Row} row */
function headline(row) {
  if (row.kind !== "frame") return `${row.number}: ${row.kind === "opened" ? "connection open" : row.kind}`;
  const way = row.sender === "client" ? "client to server" : "server to client";
  return `Frame ${row.number}: ${row.type}, ${way}, ${counted(row.length, "byte")}`;
}

/**
 * @param {string} text
 * @param {string} [aside]
 */
function heading(text, aside = "") {
  return element("h4", { class: "astra-subhead", text }, aside ? element("span", { class: "astra-muted", text: ` ${aside}` }) : null);
}

/** @param {DataView | undefined} view */
function bytesOf(view) {
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array();
}

/**
 * Arrow keys move through the fields; cells of one field count once.
 * @param {HTMLElement} figure
 */
function moveAmongFields(figure) {
  const cells = /** @type {HTMLElement[]} */ ([...figure.querySelectorAll("[data-field]")]);
  cells.forEach((cell, index) => cell.setAttribute("tabindex", index === 0 ? "0" : "-1"));
  figure.addEventListener("keydown", (event) => {
    const at = cells.indexOf(/** @type {HTMLElement} */ (event.target));
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (at < 0 || step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = cells[(at + step + cells.length) % cells.length];
    cells.forEach((cell) => cell.setAttribute("tabindex", cell === next ? "0" : "-1"));
    next.focus();
  });
}

/**
 * Masked payload, key and payload side by side.
 * @param {Uint8Array} masked
 * @param {string} key four bytes in hex
 * @param {Uint8Array} payload
 */
function maskTable(masked, key, payload) {
  const octets = key.split(" ");
  const count = Math.min(masked.length, payload.length, MASK_COLUMNS);
  const line = (/** @type {string} */ label, /** @type {(index: number) => string} */ cell, name = "") =>
    element("tr", { class: name }, element("th", { text: label, attributes: { scope: "row" } }),
      ...Array.from({ length: count }, (_, index) => element("td", { text: cell(index) })));
  const table = element("table", { class: "astra-mask" },
    line("masked", (index) => hex(masked[index])),
    line("key", (index) => octets[index % 4] ?? "", "astra-mask-key"),
    line("payload", (index) => hex(payload[index]), "astra-mask-result"),
    line("ASCII", (index) => ascii(payload[index])));
  const more = payload.length > count || masked.length > count;
  return element("div", { class: "astra-scroll-x", attributes: { tabindex: 0, role: "group", "aria-label": "Masked payload, key and payload" } },
    table, more ? element("p", { class: "astra-muted", text: `The first ${count} bytes; the key repeats.` }) : null);
}

/**
 * @param {{ [name: string]: any }} detail
 * @param {Uint8Array} payload
 */
function payloadParts(detail, payload) {
  const parts = [];
  const cut = payload.length < detail.payload_size;
  const aside = cut ? `the first ${grouped(payload.length)} of ${counted(detail.payload_size, "byte")}` : "";
  if (detail.close) {
    parts.push(heading("Close payload", "section 5.5.1"), definitions([
      ["code", `${detail.close.code} ${detail.close.name}`],
      ["meaning", detail.close.meaning],
      ["reason", detail.close.reason === "" ? "(none)" : visible(detail.close.reason)],
      ["reason bytes", `${Math.max(0, payload.length - 2)} of at most 123`],
    ]));
  } else if (detail.type === "close") {
    parts.push(element("p", { class: "astra-meaning", text: "The CLOSE frame is empty: the other end reports 1005, no status received (section 7.1.5)." }));
  }
  if (detail.changed) parts.push(element("p", { class: "astra-muted", text: "An extension had compressed this payload; here it is decompressed." }));
  if (detail.bad_byte >= 0) {
    const byte = payload[detail.bad_byte];
    parts.push(element("p", {
      class: "astra-verdict",
      text: `The payload is no valid UTF-8: ${detail.bad_reason} at payload byte ${grouped(detail.bad_byte)}${byte === undefined ? "" : `, 0x${hex(byte)}`} (section 8.1).`,
    }));
  }
  if (detail.type === "text" && !detail.whole) {
    const text = new TextDecoder("utf-8", { fatal: false }).decode(payload);
    const tree = cut ? undefined : parseTree(text);
    if (tree !== undefined) parts.push(heading("JSON"), drawTree(tree));
    else parts.push(heading("Text", aside), element("pre", { class: "astra-text", attributes: { tabindex: 0 } }, element("bdi", { text: detail.text })));
  }
  return parts;
}

/**
 * The message that a fragment belongs to.
 * @param {{ type: string, numbers: number[], count: number, size: number, text: string }} whole
 * @param {Uint8Array} message its first bytes
 */
function wholeMessage({ type, numbers, count, size, text }, message) {
  const named = numbers.join(", ") + (count > numbers.length ? ", ..." : "");
  const tree = type === "text" && message.length === size ? parseTree(new TextDecoder().decode(message)) : undefined;
  return [
    heading("The whole message", `${counted(count, "fragment")}: frames ${named}; ${counted(size, "byte")} of ${type}`),
    tree !== undefined ? drawTree(tree)
      : element("pre", { class: "astra-text", attributes: { tabindex: 0 } }, element("bdi", { text })),
  ];
}

/** @param {[string, string][]} rows */
function definitions(rows) {
  return element("dl", { class: "astra-definitions" },
    ...rows.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", {}, element("bdi", { text: value }))]));
}

/** @param {{ [name: string]: any }} detail */
function handshakeParts(detail) {
  const parts = [element("p", { class: "astra-mono astra-start-line" }, element("bdi", { text: detail.start_line }))];
  parts.push(element("table", { class: "astra-headers" },
    element("tbody", {}, ...detail.headers.map((/** @type {Record<string, string>} */ header) =>
      element("tr", { class: header.meaning ? "astra-matters" : "" },
        element("th", { attributes: { scope: "row" } }, element("bdi", { text: header.name })),
        element("td", {},
          element("bdi", { class: "astra-mono", text: header.value }),
          header.meaning ? element("div", { class: "astra-muted", text: `${header.meaning} (${header.section})` }) : null))))));
  if (detail.steps.length > 0) {
    parts.push(heading("How Sec-WebSocket-Accept comes about", "section 4.2.2"),
      element("ol", { class: "astra-steps" }, ...detail.steps.map((/** @type {[string, string]} */ [step, value]) =>
        element("li", {}, step, element("code", { text: value })))));
  }
  return parts;
}

/** @param {{ [name: string]: any }} detail */
function textParts(detail) {
  const parts = [];
  if (detail.sentence) parts.push(element("p", { class: "astra-meaning", text: detail.sentence }));
  if (detail.rows?.length) parts.push(definitions(detail.rows));
  if (detail.text) parts.push(element("pre", { class: "astra-text", attributes: { tabindex: 0 } }, element("bdi", { text: detail.text })));
  return parts;
}
