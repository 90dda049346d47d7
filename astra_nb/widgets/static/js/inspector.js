// The inspector of one record: payload, bits, handshake, why it ended; and two records side by side.

import { button, copyText, element, group, menu, roveFocus, setPressed, setText, tabList, word } from "./dom.js";
import { drawDifferences } from "./differences.js";
import { drawFigure } from "./figure.js";
import { queryOf } from "./finder.js";
import { ascii, counted, hex, messageOf } from "./format.js";
import { FORMS, PayloadView, fromHex, hexLines } from "./payload_view.js";
import { afterFirst, handshakeText, headline, whyText } from "./tab_text.js";

/**
 * @typedef {import("./figure.js").Field} Field
 * @typedef {import("./rows.js").Row} Row
 * @typedef {{ at: number, sentence: string }} Bad
 * @typedef {object} FrameDetail
 * @property {string} type
 * @property {boolean} masked
 * @property {number} size bytes on the wire
 * @property {number} header_length
 * @property {string} verdict
 * @property {boolean} changed an extension changed the payload
 * @property {Bad | null} bad where UTF-8 breaks
 * @property {string} raw the first bytes on the wire, in hex
 * @property {{ code: number, name: string, meaning: string, reason: string } | null} close
 * @property {Field[]} fields
 * @property {string[]} problems
 * @typedef {{ start_line: string, headers: { name: string, value: string, meaning: string }[], steps: [string, string][] }} Head
 * @typedef {{ number: number, bad: boolean, text: string, notes: string[], time: number }} Link
 * @typedef {object} Detail as `inspector.py` makes it
 * @property {number} number
 * @property {Head[]} handshake
 * @property {{ sentence: string, chain: Link[] } | null} why
 * @property {FrameDetail} [frame]
 * @property {{ type: string, count: number, numbers: number[], size: number } | null} [whole]
 * @property {string} [sentence]
 */

const TABS = ["Payload", "Bits", "Handshake", "Why", "Compare"];
const COPIES = [
  ["payload", "Copy the payload"], ["python", "Copy as Python"], ["hex", "Copy as hex"], ["base64", "Copy as base64"],
  ["drawing", "Copy as the RFC's drawing"], ["explanation", "Copy the explanation"],
];

const MOST_UNMASKED = 64; // bytes
const CHOOSE_ANOTHER = "choose another row to compare them.";

export class Inspector {
  /** @param {import("./panel.js").View} panel */
  constructor(panel) {
    const { store } = panel;
    this.store = store;
    this.panel = panel;
    this.number = 0;
    this.tab = "Payload";
    this.tabChosen = false;
    this.place = ""; // the record and the tab that the body shows
    /** @type {Row | undefined} */
    this.row = undefined;
    /** @type {Detail | undefined} */
    this.detail = undefined;
    /** @type {Detail | undefined} the pinned one, to compare with */
    this.pinned = undefined;
    /** Whether another row is compared as soon as it is chosen: not after the person opened another tab. */
    this.comparing = false;
    /** Done when the row that was chosen last is shown. */
    this.shown = Promise.resolve();
    /** Whether the pin is for one comparison only. */
    this.once = /** @type {"" | "next" | "done"} */ ("");
    this.title = element("span", { class: "astra-title" });
    this.forms = FORMS.map((form) => button(form, `The payload as ${form}`, () => { this.payload.choose(form); this.#drawForms(); }));
    this.formGroup = group("Show the payload as", this.forms);
    this.copyTab = button("Copy", "", () => this.#copyTab());
    const copy = menu("Copy as", "Copy in another form", () => COPIES.map(([form, name]) => {
      const made = button(name ?? "", name ?? "", () => this.copy(form ?? "", made));
      return made;
    }));
    this.again = button("Edit and send again", "Put this payload into the composer (e)", () => panel.edit(), "astra-bare");
    this.body = element("div", { class: "astra-inspector-body", tabindex: 0, role: "tabpanel", "aria-label": "Detail" });
    this.tabs = tabList("Inspector", TABS, (name) => this.openTab(name));
    this.pinWord = word("");
    this.pinButton = button(this.pinWord, "", () => this.togglePin(), "astra-bare astra-pin", { sign: "pin" });
    const close = "Close the inspector (Escape)";
    this.payload = new PayloadView(({ offset, whole }) => store.bridge.request("payload", { number: this.number, offset, whole, ...queryOf(panel.finder.filter) }));
    this.split = element("div", { class: "astra-split", role: "separator", tabindex: 0, "aria-label": "Size of the inspector", "aria-valuenow": 50 });
    this.root = element("section", { class: "astra-inspector", "aria-label": "Inspector", hidden: true }, this.split,
      element("div", { class: "astra-inspector-head" }, this.tabs.root, element("span", { class: "astra-spring" }), this.again, this.pinButton,
        button("", close, () => panel.close(), "astra-bare astra-icon-button", { sign: "close", "aria-label": close })),
      element("div", { class: "astra-inspector-title" }, this.title, this.formGroup, this.copyTab, copy),
      this.body);
    this.#splitter();
  }

  #splitter() {
    const { split } = this;
    const resize = (/** @type {number} */ share) => {
      const clamped = Math.max(20, Math.min(75, share));
      split.setAttribute("aria-valuenow", String(Math.round(clamped)));
      this.root.parentElement?.style.setProperty("--astra-share", `${clamped}%`);
    };
    const beside = () => {
      const [list, own] = [this.root.previousElementSibling?.getBoundingClientRect(), this.root.getBoundingClientRect()];
      return list === undefined || own.top < list.bottom - 1;
    };
    split.addEventListener("pointerdown", (event) => {
      split.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    split.addEventListener("pointermove", (event) => {
      if (!split.hasPointerCapture(event.pointerId)) return;
      const box = /** @type {HTMLElement} */ (this.root.parentElement).getBoundingClientRect();
      resize(beside() ? 100 * (box.right - event.clientX) / box.width : 100 * (box.bottom - event.clientY) / box.height);
    });
    split.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: 5, ArrowUp: 5, ArrowRight: -5, ArrowDown: -5 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      resize(Number(split.getAttribute("aria-valuenow")) + by);
    });
  }

  /** @param {string} name */
  openTab(name) {
    this.tab = name;
    this.tabChosen = true;
    this.comparing = name === "Compare";
    this.#draw();
  }

  /** Show a record; title and body change together. @param {Row} row */
  show(row) {
    this.shown = this.#show(row);
  }

  /** @param {Row} row */
  async #show(row) {
    if (this.number !== row.number) this.payload.leave();
    this.number = row.number;
    this.root.hidden = false;
    this.body.setAttribute("aria-busy", "true");
    try {
      const detail = await this.store.bridge.request("detail", { number: row.number });
      if (this.number !== row.number) return;
      await this.payload.show(row.part !== 0 && row.part[3]);
      if (this.number !== row.number) return;
      this.row = row;
      this.detail = detail;
      if (this.once === "done") this.pin();
      this.once = this.once === "next" ? "done" : "";
      if (this.#paired && this.store.said.sentence.endsWith(CHOOSE_ANOTHER)) this.store.say("");
      if (this.#paired && this.comparing) this.tab = "Compare";
      else if (!this.tabChosen || this.tab === "Compare" || (this.tab === "Why" && !detail.why) || (this.tab === "Bits" && !detail.frame)) this.tab = row.bad && detail.why ? "Why" : row.kind === "handshake" ? "Handshake" : row.kind === "closed" ? "Why" : "Payload";
      this.#draw();
    } catch (problem) {
      if (this.number !== row.number) return;
      this.row = row;
      this.detail = undefined;
      setText(this.title, headline(row));
      this.body.scrollTop = 0;
      this.body.replaceChildren(element("p", { class: "astra-quiet", text: messageOf(problem) }), element("p", { class: "astra-mono" }, element("bdi", { text: row.text })));
    } finally {
      this.body.removeAttribute("aria-busy");
    }
  }

  #drawForms() {
    for (const made of this.forms) setPressed(made, made.textContent === this.payload.shown);
  }

  #draw() {
    const { detail, row } = this;
    if (!detail || !row) return;
    const missing = { Bits: !detail.frame, Handshake: detail.handshake.length === 0, Why: !detail.why, Compare: !this.#paired };
    for (const tab of this.tabs.tabs) tab.hidden = missing[/** @type {"Bits"} */ (tab.dataset.tab)] ?? false;
    this.tabs.select(this.tab);
    setText(this.title, headline(row));
    const pinned = this.pinned ? `Pinned ${this.pinned.number}` : "";
    setText(this.pinWord, pinned || "Pin");
    this.pinButton.setAttribute("aria-label", pinned || "Pin to compare");
    this.pinButton.title = pinned ? "Unpin (m)" : "Pin to compare (m)";
    setPressed(this.pinButton, pinned !== "");
    this.formGroup.hidden = this.tab !== "Payload";
    this.copyTab.title = this.tab === "Payload" ? "Copy the payload (Ctrl+C)" : `Copy what ${this.tab} shows; Ctrl+C copies the payload`;
    this.copyTab.setAttribute("aria-label", `Copy ${this.tab.toLowerCase()}`);
    this.again.hidden = !this.store.status.sends || !detail.frame;
    const draw = { Payload: () => this.#payload(detail), Bits: () => bits(detail, this.store.bridge), Handshake: () => handshake(detail.handshake), Why: () => this.#why(detail), Compare: () => [] }[this.tab];
    const place = `${row.number} ${this.tab}`;
    const elsewhere = place !== this.place;
    if (elsewhere) this.body.scrollTop = 0; // another record, or tab, begins at its top, or at its hit
    this.place = place;
    this.body.replaceChildren(...(draw ? draw() : []));
    if (this.tab === "Compare") void this.#compare(detail);
    if (elsewhere && this.tab === "Payload") this.payload.reveal();
    this.#drawForms();
  }

  /** @param {Detail} detail */
  #payload(detail) {
    const { frame, whole } = detail;
    const wrong = frame ? [frame.verdict, ...frame.problems.filter((each) => !frame.bad || !each.startsWith("The text is not UTF-8")), frame.bad?.sentence ?? ""].filter((each) => each !== "") : [];
    /** @type {HTMLElement[]} */
    const parts = wrong.map((text) => element("p", { class: "astra-verdict", text }));
    if (detail.sentence) parts.push(element("p", { class: "astra-says", text: detail.sentence }));
    if (frame?.close) {
      const { code, name, meaning, reason } = frame.close;
      parts.push(element("p", { class: "astra-says" }, element("b", { text: `${code} ${name}` }), ` ${meaning} `, reason ? element("bdi", { text: `\u201c${reason}\u201d` }) : "(no reason)"));
    } else if (frame?.type === "close") parts.push(element("p", { class: "astra-says", text: "The CLOSE frame is empty: the other end reports 1005, no status received (section 7.1.5)." }));
    if (frame?.changed) parts.push(element("p", { class: "astra-quiet", text: "An extension had compressed this payload; here it is decompressed." }));
    if (whole) {
      const numbers = whole.numbers.join(", ") + (whole.count > whole.numbers.length ? ", ..." : "");
      const one = button("This frame", "Only the payload of this frame", () => this.payload.show(false).then(() => mark()));
      const all = button("The whole message", "The payloads of all its frames, joined", () => this.payload.show(true).then(() => mark()));
      const mark = () => { setPressed(one, !this.payload.whole); setPressed(all, this.payload.whole); this.#drawForms(); };
      mark();
      parts.push(element("p", { class: "astra-whole" }, element("span", { class: "astra-seg" }, one, all), element("span", { class: "astra-quiet", text: `${counted(whole.count, "fragment")}: frames ${numbers}; ${counted(whole.size, "byte")} of ${whole.type}` })));
    }
    return [...parts, this.payload.root];
  }

  /** @param {Detail} detail */
  #why({ why }) {
    if (!why) return [];
    const begin = why.chain[0]?.time ?? 0;
    return [
      element("p", { class: "astra-big", text: why.sentence }),
      element("h4", { text: "What happened" }),
      element("ol", { class: "astra-chain" }, ...why.chain.map((link) => element("li", { class: link.bad ? "astra-bad-link" : "" },
        element("button", { type: "button", class: "astra-link", text: String(link.number), title: "Show this row", onclick: () => this.panel.list.choose(link.number) }),
        element("div", {}, element("bdi", { text: link.text }), ...link.notes.map((text) => element("small", { text })),
          link.time > begin ? element("small", { text: afterFirst(link.time - begin) }) : null)))),
    ];
  }

  async togglePin() {
    await this.shown; // what was chosen just now, not what is left
    if (!this.pinned && !this.detail) return this.store.say("Choose a row to pin first.", true);
    this.pin(this.pinned ? undefined : this.detail);
    this.store.say(this.pinned ? `${this.pinned.frame ? "Frame" : "Row"} ${this.pinned.number} is pinned; ${CHOOSE_ANOTHER}` : "Nothing is pinned now.");
    this.#draw();
  }

  /** Pin a record; without one, what is pinned is unpinned. @param {Detail} [detail] */
  pin(detail) {
    this.pinned = detail;
    this.once = "";
    this.comparing = true;
    if (!detail && this.tab === "Compare") this.tab = "Payload";
    this.panel.list.pin(detail?.number ?? 0);
  }

  /** Whether another record than the pinned one is shown. */
  get #paired() {
    return this.pinned !== undefined && this.pinned.number !== this.number;
  }

  /** Compare with the record that is shown now. @param {() => void} choose chooses the other one */
  compareWith(choose) {
    this.pin(this.detail);
    this.once = "next";
    choose();
  }

  /** @param {Detail} detail */
  async #compare(detail) {
    const { pinned } = this;
    if (!pinned) return;
    const compared = await this.store.bridge.request("compare", { one: pinned.number, other: detail.number });
    if (this.detail === detail && this.tab === "Compare") this.body.replaceChildren(...drawDifferences(pinned, detail, compared));
  }

  /** Copy what the tab shows, as text: of Bits that is the RFC's drawing. */
  async #copyTab() {
    const { detail, tab, copyTab } = this;
    const text = { Handshake: () => handshakeText(detail?.handshake ?? []), Why: () => (detail?.why ? whyText(detail.why) : ""), Compare: () => this.body.innerText }[/** @type {"Why"} */ (tab)]?.();
    if (text === undefined) return this.copy(tab === "Bits" ? "drawing" : "payload", copyTab);
    await copyText(copyTab, text);
    this.store.say(`Copied ${counted(text.length, "character")} of ${this.number}: what ${tab} shows.`);
  }

  /** @param {string} form @param {HTMLElement} [pressed] @param {number} [number] of the record */
  async copy(form, pressed = element("span"), number = this.number) {
    if (number === 0) return;
    try {
      const { text } = await this.store.bridge.request("copy", { number, form });
      await copyText(pressed, text);
      this.store.say(`Copied ${counted(text.length, "character")} of ${number} as ${form}.`);
    } catch (problem) {
      this.store.say(messageOf(problem), true);
    }
  }

  close() {
    this.root.hidden = true;
    this.number = 0;
    this.detail = undefined;
    this.tabChosen = false;
    setText(this.title, ""); // another record's, if one is opened again
    this.formGroup.hidden = true;
    this.body.replaceChildren();
  }
}

/** @param {Detail} detail @param {import("./bridge.js").Bridge} bridge */
function bits({ frame, number }, bridge) {
  if (!frame) return [];
  const { fields } = frame;
  const raw = fromHex(frame.raw);
  const says = element("p", { class: "astra-says", "aria-live": "polite" });
  const bad = frame.bad && !frame.changed ? frame.header_length + frame.bad.at : -1;
  let offset = 0;
  let lines = hexLines(raw, 0, { bad });
  const place = element("span", { class: "astra-quiet" });
  const holder = element("div", {
    onmouseover: ({ target: { dataset } }) => {
      const byte = Number(dataset.byte ?? -1);
      // The last field that covers the byte: in the first two bytes that is the widest one.
      if (byte >= 0) light(fields.findLastIndex((field) => byte >= field.first_bit >> 3 && byte <= (field.first_bit + field.bit_count - 1) >> 3));
    },
  }, lines);
  const light = (/** @type {number} */ index) => {
    const field = fields[index];
    for (const cell of figure.querySelectorAll("[data-field]")) cell.classList.toggle("astra-lit", cell.getAttribute("data-field") === String(index));
    const [first, last] = field ? [field.first_bit >> 3, Math.max(field.first_bit, field.first_bit + field.bit_count - 1) >> 3] : [0, -1];
    for (const cell of /** @type {NodeListOf<HTMLElement>} */ (lines.querySelectorAll("[data-byte]"))) {
      const byte = Number(cell.dataset.byte);
      cell.classList.toggle("astra-lit", byte >= first && byte <= last);
    }
    says.replaceChildren(...(field
      ? [element("b", { text: `${field.name} = ${field.value}` }), ` ${field.meaning} `, element("span", { class: "astra-quiet", text: `RFC 6455, section ${field.section}` })]
      : [element("span", { class: "astra-quiet", text: "Point at a field or at a byte, or move with the arrow keys." })]));
  };
  const turn = async (/** @type {number} */ step) => {
    const next = offset + step * 1024;
    if (next < 0 || next >= frame.size) return;
    const { hex: digits } = await bridge.request("wire", { number, offset: next });
    offset = next;
    lines = hexLines(fromHex(digits), offset, { bad });
    holder.replaceChildren(lines);
    setText(place, `from byte ${offset} of ${frame.size}`);
  };
  const figure = drawFigure(fields, raw, light);
  roveFocus(figure, "[data-field]");
  light(-1);
  const pager = element("div", { class: "astra-pager" }, button("\u2190 earlier", "The bytes before these", () => turn(-1)), button("later \u2192", "The bytes after these", () => turn(1)), place);
  pager.hidden = frame.size <= 1024;
  return [element("div", { class: "astra-two" },
    element("div", {}, ...frame.problems.map((text) => element("p", { class: "astra-verdict", text })), figure, says),
    element("div", {}, heading("Bytes on the wire", `${counted(frame.size, "byte")}: header ${frame.header_length}`), holder, pager,
      ...(frame.masked && raw.length > frame.header_length && !frame.changed ? [heading("Unmasked", "byte i of the payload XOR byte i mod 4 of the key (section 5.3)"), maskTable(raw, frame.header_length, frame.bad?.at ?? -1)] : [])))];
}

/** @param {string} text @param {string} aside */
function heading(text, aside) {
  return element("h4", { text }, element("small", { text: ` ${aside}` }));
}

/** Masked payload, key and payload side by side. @param {Uint8Array} raw @param {number} begin of the payload, after the key @param {number} bad */
function maskTable(raw, begin, bad) {
  const key = raw.subarray(begin - 4, begin);
  const masked = raw.subarray(begin, begin + MOST_UNMASKED);
  const payload = masked.map((byte, index) => byte ^ (key[index % 4] ?? 0));
  const line = (/** @type {string} */ label, /** @type {(index: number) => string} */ cell, name = "") => element("tr", { class: name }, element("th", { text: label, scope: "row" }),
    ...Array.from(masked, (_, index) => element("td", { class: index === bad && name ? "astra-bad" : "", text: cell(index) })));
  return element("div", { class: "astra-scroll-x", tabindex: 0, role: "group", "aria-label": "Masked payload, key and payload" }, element("table", { class: "astra-mask" },
    line("on the wire", (index) => hex(masked[index] ?? 0)), line("XOR key", (index) => hex(key[index % 4] ?? 0)),
    line("payload", (index) => hex(payload[index] ?? 0), "astra-mask-result"), line("ASCII", (index) => ascii(payload[index] ?? 0))));
}

/** @param {Head[]} heads */
function handshake(heads) {
  return [element("div", { class: "astra-two" }, ...heads.map(({ start_line, headers, steps }) => element("div", {},
    element("p", { class: "astra-start-line" }, element("bdi", { text: start_line })),
    element("dl", { class: "astra-headers" }, ...headers.flatMap(({ name, value, meaning }) => [
      element("dt", {}, element("bdi", { text: name })),
      element("dd", {}, element("bdi", { text: value }), meaning ? element("small", { text: meaning }) : null)])),
    ...(steps.length > 0 ? [heading("How Sec-WebSocket-Accept is computed", "section 4.2.2"), element("ol", { class: "astra-steps" }, ...steps.map(([step, value]) => element("li", {}, step, element("code", { text: value }))))] : []))))];
}
