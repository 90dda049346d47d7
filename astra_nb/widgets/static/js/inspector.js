// The inspector of one record: a frame bit by bit, a handshake line by line, the rest as text.

import { button, element, roveFocus, setText } from "./dom.js";
import { ascii, counted, grouped, hex } from "./format.js";
import { drawFigure } from "./figure.js";
import { HexView } from "./hex_view.js";
import { drawTree, parseTree } from "./json_tree.js";
import { remarks } from "./row_list.js";

/**
 * @typedef {import("./figure.js").Field} Field
 * @typedef {import("./relations.js").RelatedRow} Row
 * @typedef {import("./bridge.js").Bridge} Bridge
 *
 * @typedef {object} FrameDetail
 * @property {"frame"} kind
 * @property {number} number
 * @property {string} type
 * @property {boolean} masked
 * @property {string} key masking key in hex
 * @property {number} size bytes on the wire
 * @property {number} header_length
 * @property {number} payload_size
 * @property {string} verdict
 * @property {boolean} changed an extension changed the payload
 * @property {number} bad_byte of the payload, where UTF-8 breaks, or -1
 * @property {string} bad_reason
 * @property {string} text of a text frame
 * @property {{ code: number, name: string, meaning: string, reason: string } | null} close
 * @property {Field[]} fields
 * @property {string[]} problems
 * @property {string} explanation
 * @property {WholeMessage | null} whole the message of a fragment
 * @typedef {{ type: string, numbers: number[], count: number, size: number, text: string }} WholeMessage
 * @typedef {{ name: string, value: string, meaning: string, section: string }} Header
 * @typedef {{ kind: "handshake", start_line: string, headers: Header[], steps: [string, string][] }} HandshakeDetail
 * @typedef {{ kind: "opened" | "closed" | "error" | "output" | "notice" | "check", sentence?: string, text: string }} TextDetail
 * @typedef {FrameDetail | HandshakeDetail | TextDetail} Detail as `inspector.py` makes it
 */

const MASK_COLUMNS = 64;

export class Inspector {
  /** @param {Bridge} bridge @param {{ onResend: (number: number) => void }} handlers */
  constructor(bridge, handlers) {
    this.bridge = bridge;
    this.handlers = handlers;
    this.number = 0;
    this.title = element("h3", { class: "astra-inspector-title", tabindex: -1 });
    this.body = element("div", {
      class: "astra-inspector-body", tabindex: 0, role: "group", "aria-label": "Detail",
    });
    this.root = element("section", { class: "astra-inspector", "aria-label": "Inspector" },
      this.title, this.body);
    this.clear();
  }

  clear() {
    this.number = 0;
    setText(this.title, "Inspector");
    this.body.replaceChildren(element("p", {
      class: "astra-hint",
      text: "Choose a row, with the mouse or with the arrow keys: its bits, its bytes and what they mean are shown here.",
    }));
  }

  /** @param {Row} row */
  async show(row) {
    if (this.number === row.number) return;
    this.number = row.number;
    setText(this.title, headline(row));
    this.body.setAttribute("aria-busy", "true");
    try {
      const { value, buffers } = await this.bridge.request("detail", { number: row.number });
      if (this.number === row.number) this.#draw(row, value, buffers);
    } catch (problem) {
      if (this.number === row.number) {
        const text = problem instanceof Error ? problem.message : String(problem);
        this.body.replaceChildren(
          element("p", { class: "astra-hint", text }),
          element("p", { class: "astra-mono" }, element("bdi", { text: row.text })));
        this.number = 0;
      }
    } finally {
      this.body.removeAttribute("aria-busy");
    }
  }

  /** @param {Row} row @param {Detail} detail @param {DataView[]} buffers */
  #draw(row, detail, buffers) {
    const parts = [];
    const remark = remarks(row);
    const wrong = detail.kind === "frame" ? [detail.verdict, ...detail.problems].filter((each) => each !== "") : [];
    parts.push(...wrong.map((text) => element("p", { class: "astra-verdict", text })));
    if (remark && !(detail.kind === "frame" && detail.verdict)) parts.push(element("p", { class: "astra-muted", text: remark }));
    if (detail.kind === "frame") parts.push(...this.#frameParts(detail, bytesOf(buffers[0]), bytesOf(buffers[1]), bytesOf(buffers[2])));
    else if (detail.kind === "handshake") parts.push(...handshakeParts(detail));
    else parts.push(...textParts(detail));
    this.body.replaceChildren(...parts);
    this.body.scrollTop = 0;
  }

  /**
   * @param {FrameDetail} detail
   * @param {Uint8Array} raw the frame's first bytes on the wire
   * @param {Uint8Array} payload the payload's first bytes, unmasked
   * @param {Uint8Array} message the first bytes of the whole message, for a fragment
   */
  #frameParts(detail, raw, payload, message) {
    const { fields } = detail;
    const meaning = element("p", { class: "astra-meaning", "aria-live": "polite" });
    const fetchBytes = async (/** @type {number} */ offset, /** @type {number} */ length) => {
      const { buffers } = await this.bridge.request("bytes", { number: detail.number, offset, length });
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
      hexView.light(field.first_bit >> 3, Math.max(field.first_bit, field.first_bit + field.bit_count - 1) >> 3);
      meaning.replaceChildren(
        element("b", { text: `${field.name} = ${field.value}` }),
        ` ${field.meaning} `,
        element("span", { class: "astra-section", text: `RFC 6455, section ${field.section}` }));
    };
    const hexView = new HexView(fetchBytes, (byte) => {
      if (byte < 0) return;
      // The last field that covers the byte: in the first two bytes that is the widest one.
      const index = fields.findLastIndex((field) => byte >= field.first_bit >> 3
        && byte <= (field.first_bit + field.bit_count - 1) >> 3);
      light(index);
    }, () => this.body.clientWidth);
    const figure = drawFigure(fields, raw, light);
    roveFocus(figure, "[data-field]");
    const bad = detail.bad_byte;
    hexView.show(raw, detail.size, bad < 0 || detail.changed ? -1 : detail.header_length + bad);
    light(-1);

    /** @type {HTMLElement[]} */
    const parts = [figure, meaning, heading("Bytes on the wire", counted(detail.size, "byte")), hexView.root];
    if (detail.masked && payload.length > 0) {
      parts.push(heading("Unmasking", "byte i of the payload XOR byte i mod 4 of the key (section 5.3)"),
        maskTable(raw.subarray(detail.header_length), detail.key, payload));
    }
    parts.push(...payloadParts(detail, payload));
    if (detail.whole) parts.push(...wholeMessage(detail.whole, message));
    parts.push(element("div", { class: "astra-pager" },
      button("Send again", "Send this frame's payload again, with the sender and target chosen below", () => this.handlers.onResend(detail.number)),
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

/** @param {string} text */
function textBlock(text) {
  return element("pre", { class: "astra-text", tabindex: 0 }, element("bdi", { text }));
}

/** @param {DataView | undefined} view */
function bytesOf(view) {
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array();
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
    element("tr", { class: name }, element("th", { text: label, scope: "row" }),
      ...Array.from({ length: count }, (_, index) => element("td", { text: cell(index) })));
  const table = element("table", { class: "astra-mask" },
    line("masked", (index) => hex(masked[index] ?? 0)),
    line("key", (index) => octets[index % 4] ?? "", "astra-mask-key"),
    line("payload", (index) => hex(payload[index] ?? 0), "astra-mask-result"),
    line("ASCII", (index) => ascii(payload[index] ?? 0)));
  const more = payload.length > count || masked.length > count;
  return element("div", { class: "astra-scroll-x", tabindex: 0, role: "group", "aria-label": "Masked payload, key and payload" },
    table, more ? element("p", { class: "astra-muted", text: `The first ${count} bytes; the key repeats.` }) : null);
}

/** @param {FrameDetail} detail @param {Uint8Array} payload */
function payloadParts(detail, payload) {
  const parts = [];
  const cut = payload.length < detail.payload_size;
  const aside = cut ? `the first ${grouped(payload.length)} of ${counted(detail.payload_size, "byte")}` : "";
  if (detail.close) {
    parts.push(heading("Close payload", "section 5.5.1"), definitions([
      ["code", `${detail.close.code} ${detail.close.name}`],
      ["meaning", detail.close.meaning],
      ["reason", detail.close.reason || "(none)"],
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
      text: `The payload is not valid UTF-8: ${detail.bad_reason} at payload byte ${grouped(detail.bad_byte)}${byte === undefined ? "" : `, 0x${hex(byte)}`} (section 8.1).`,
    }));
  }
  if (detail.type === "text" && !detail.whole) {
    const text = new TextDecoder("utf-8", { fatal: false }).decode(payload);
    const tree = cut ? undefined : parseTree(text);
    if (tree !== undefined) parts.push(heading("JSON"), drawTree(tree));
    else parts.push(heading("Text", aside), textBlock(detail.text));
  }
  return parts;
}

/**
 * The message that a fragment belongs to.
 * @param {WholeMessage} whole
 * @param {Uint8Array} message its first bytes
 */
function wholeMessage({ type, numbers, count, size, text }, message) {
  const named = numbers.join(", ") + (count > numbers.length ? ", ..." : "");
  const tree = type === "text" && message.length === size ? parseTree(new TextDecoder().decode(message)) : undefined;
  return [
    heading("The whole message", `${counted(count, "fragment")}: frames ${named}; ${counted(size, "byte")} of ${type}`),
    tree !== undefined ? drawTree(tree) : textBlock(text),
  ];
}

/** @param {[string, string][]} rows */
function definitions(rows) {
  return element("dl", { class: "astra-definitions" },
    ...rows.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", {}, element("bdi", { text: value }))]));
}

/** @param {HandshakeDetail} detail */
function handshakeParts(detail) {
  /** @type {HTMLElement[]} */
  const parts = [
    element("p", { class: "astra-mono astra-start-line" }, element("bdi", { text: detail.start_line })),
    element("table", { class: "astra-headers" },
      element("tbody", {}, ...detail.headers.map(({ name, value, meaning, section }) =>
        element("tr", { class: meaning ? "astra-matters" : "" },
          element("th", { scope: "row" }, element("bdi", { text: name })),
          element("td", {}, element("bdi", { class: "astra-mono", text: value }),
            meaning ? element("div", { class: "astra-muted", text: `${meaning} (${section})` }) : null))))),
  ];
  if (detail.steps.length > 0) {
    parts.push(heading("How Sec-WebSocket-Accept comes about", "section 4.2.2"),
      element("ol", { class: "astra-steps" }, ...detail.steps.map(([step, value]) =>
        element("li", {}, step, element("code", { text: value })))));
  }
  return parts;
}

/** @param {TextDetail} detail */
function textParts(detail) {
  const parts = [];
  if (detail.sentence) parts.push(element("p", { class: "astra-meaning", text: detail.sentence }));
  if (detail.text) parts.push(textBlock(detail.text));
  return parts;
}
