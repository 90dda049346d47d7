// The virtual list of the log: a grid of which only the visible rows are in the page.

import { element, setText } from "./dom.js";
import { bitLetters, clock, counted, duration, elapsed, flags, grouped, span } from "./format.js";
import { isRow } from "./ring.js";

/**
 * @typedef {import("./relations.js").RelatedRow} Row
 * @typedef {import("./ring.js").Entry} Entry
 * @typedef {"absolute" | "relative" | "delta"} TimeForm
 */

export const ROW_HEIGHT = 22;
const HEAD_HEIGHT = 23;
const SPARE_ROWS = 6; // above and below the visible ones, for scrolling
const SPARE_ROWS_AT_END = 2; // while a flood may come, and each row costs

/**
 * Columns in their order: key, heading, name in the menu of those that can be hidden, and what it
 * holds.
 */
export const COLUMNS = /** @type {[string, string, string, string][]} */ ([
  ["number", "No.", "", "Number of the record in server.log"],
  ["time", "Time", "Time", "Time: seconds since the first record, or as chosen above"],
  ["connection", "Con", "Connection", "Connection"],
  ["direction", "Direction", "Direction", "Seen from the end that keeps this log"],
  ["type", "Type", "", "Type of the frame, or of the record"],
  ["flags", "F RSV M", "FIN, RSV, MASK",
    "Header bits: FIN, RSV1 to RSV3, MASK (RFC 6455, section 5.2)"],
  ["key", "Masking key", "Masking key", "Masking key (RFC 6455, section 5.3)"],
  ["length", "Length", "Length", "Payload length in bytes"],
  ["payload", "Payload", "",
    "Payload, unmasked; what a terminal would act on is shown as an escape"],
]).map(([key, label, option, title]) => ({ key, label, option, title }));

/** Columns that widen with the texts in them, and the characters that they begin with. */
const WIDTHS = { number: 5, time: 8, connection: 4, type: "handshake".length, length: 6 };

const PAYLOAD = COLUMNS.length - 1;
const FLAGS = COLUMNS.findIndex(({ key }) => key === "flags");

/**
 * The cells of a row as text, in the order of the columns, up to the payload.
 * @param {Row} row
 * @param {TimeForm} form
 * @param {number} origin
 * @param {number} before time of the row shown above
 * @returns {string[]}
 */
export function cellTexts(row, form, origin, before) {
  const isFrame = row.kind === "frame";
  const time = form === "absolute" ? clock(row.time) : span(elapsed(form === "delta" ? before : origin, row.time));
  return [
    String(row.number),
    time,
    row.connection ? `#${row.connection}` : "",
    row.direction === "sent" ? "\u2191 sent" : row.direction === "received" ? "\u2193 received" : "",
    isFrame ? row.type : row.kind === "opened" ? "open" : row.kind,
    isFrame ? bitLetters(row) : "",
    row.key,
    isFrame ? grouped(row.length) : "",
  ];
}

/**
 * The remark after the payload: refusal, fragment, answer.
 * @param {Row} row
 */
export function remarks(row) {
  const said = [];
  if (row.refused) said.push(row.note);
  else if (row.note && row.kind !== "frame") said.push(row.note);
  if (row.kind === "frame" && !row.complete && !row.refused) said.push("cut short");
  if (row.changed) said.push("compressed");
  if (row.fragment) {
    const { index, first, last, type } = row.fragment;
    said.push(index === 1
      ? `first fragment of a ${type} message`
      : `${last ? "last fragment" : "fragment"} ${index} of the ${type} message that began in ${first}`);
  }
  if (row.answer) {
    const { kind, number, after } = row.answer;
    said.push(kind === "pong"
      ? `answers ping ${number}, ${duration(after)}`
      : kind === "close"
        ? `answers close ${number}`
        : `${duration(after)} after ${number}`);
  }
  return said.join(" \u00b7 ");
}

export class RowList {
  /**
   * @param {{ onSelect: (row: Row) => void, onOpen: () => void, onFollow: (follow: boolean) => void }} handlers
   */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {Entry[]} */
    this.entries = [];
    /** How many entries were cut off at the old end so far. */
    this.cut = 0;
    this.origin = 0;
    /** The text around the filter's match, for payloads whose preview does not show it. */
    this.contexts = /** @type {Map<number, string>} */ (new Map());
    /** @type {TimeForm} */
    this.timeForm = "relative";
    this.selected = 0;
    this.follow = true;
    /** Height of what can be seen, pixels. */
    this.height = 0;
    this.lastTop = 0;
    this.drawnTop = 0;
    /** The longest text that was drawn so far, by column. */
    this.widths = /** @type {Record<string, number>} */ ({});
    /** @type {HTMLElement[]} */
    this.pool = [];
    this.head = element("div", { class: "astra-row astra-head", role: "row" },
      ...COLUMNS.map(({ key, label, title }) => element("span", {
        class: `astra-cell astra-c-${key}`, text: label, role: "columnheader", title,
      })));
    this.space = element("div", {
      class: "astra-space", role: "rowgroup", onclick: (event) => this.#clicked(event),
    });
    // As high as all rows together; the few that are in the page are moved along it in one piece.
    this.runway = element("div", { class: "astra-runway", role: "presentation" }, this.space);
    this.scroller = element("div", {
      class: "astra-scroller", role: "grid", tabindex: 0,
      "aria-label": "Frame log", "aria-colcount": COLUMNS.length,
      onscroll: () => this.#scrolled(), onkeydown: (event) => this.#key(event),
    }, element("div", { class: "astra-headgroup", role: "rowgroup" }, this.head), this.runway);
    this.empty = element("p", { class: "astra-empty" });
    this.root = element("div", { class: "astra-grid" }, this.scroller, this.empty);
    for (const [key, width] of Object.entries(WIDTHS)) this.#setWidth(key, width);
  }

  /**
   * Show these entries. `cut` is how many left above the visible ones since the first call, so
   * that a reader who scrolled up keeps the same rows before the eyes.
   * @param {Entry[]} entries
   * @param {number} cut
   * @param {string} emptySentence
   */
  show(entries, cut, emptySentence) {
    const gone = cut - this.cut;
    // As it was measured last: to read it here would have the page laid out twice.
    const top = this.lastTop;
    this.entries = entries;
    this.cut = cut;
    this.runway.style.height = `${entries.length * ROW_HEIGHT}px`;
    this.scroller.setAttribute("aria-rowcount", String(entries.length + 1));
    setText(this.empty, entries.length === 0 ? emptySentence : "");
    if (this.follow) this.#toEnd();
    else if (gone !== 0) this.#moveTo(Math.max(0, top - gone * ROW_HEIGHT));
    else this.#drawAt(top);
  }

  /** @param {boolean} follow */
  setFollow(follow) {
    this.follow = follow;
    const top = this.#measure();
    if (follow) this.#toEnd();
    else this.#drawAt(top);
  }

  /** Note how much can be seen, and where; to be called when that changed. */
  #measure() {
    this.height = this.scroller.clientHeight;
    this.lastTop = this.scroller.scrollTop;
    return this.lastTop;
  }

  #toEnd() {
    this.#moveTo(Math.max(0, this.entries.length * ROW_HEIGHT + HEAD_HEIGHT - this.height));
  }

  /**
   * Draw the rows at a place, then scroll there.
   * @param {number} top
   */
  #moveTo(top) {
    this.#drawAt(top);
    this.scroller.scrollTop = top;
    this.lastTop = this.scroller.scrollTop;
  }

  draw() {
    this.#drawAt(this.#measure());
  }

  /** @param {number} top */
  #drawAt(top) {
    this.drawnTop = top;
    const height = this.height || 300;
    const spare = this.follow ? SPARE_ROWS_AT_END : SPARE_ROWS;
    const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - spare);
    const count = Math.max(0, Math.min(
      this.entries.length - first,
      Math.ceil(height / ROW_HEIGHT) + 2 * spare,
    ));
    this.space.style.transform = `translateY(${first * ROW_HEIGHT}px)`;
    while (this.pool.length < count) this.#addToPool();
    this.pool.forEach((line, index) => {
      line.hidden = index >= count;
      if (index < count) this.#drawLine(line, first + index);
    });
  }

  /** @param {TimeForm} form */
  setTimeForm(form) {
    this.timeForm = form;
    this.#setWidth("time", WIDTHS.time);
    this.draw();
  }

  /** @param {string} key @param {number} width characters */
  #setWidth(key, width) {
    this.widths[key] = width;
    this.root.style.setProperty(`--astra-${key}-width`, `${width}ch`);
  }

  #addToPool() {
    const line = element("div", { class: "astra-row", role: "row" },
      ...COLUMNS.map(({ key }) =>
        element("span", { class: `astra-cell astra-c-${key}`, role: "gridcell" })));
    line.children[PAYLOAD]?.append(element("bdi", { class: "astra-preview" }), element("span", { class: "astra-remark" }));
    this.pool.push(line);
    this.space.append(line);
  }

  /** @param {HTMLElement} line @param {number} index */
  #drawLine(line, index) {
    const entry = this.entries[index];
    if (entry === undefined) return;
    line.dataset.index = String(index);
    line.setAttribute("aria-rowindex", String(index + 2));
    const isSelected = entry.kind !== "gap" && entry.number === this.selected;
    line.setAttribute("aria-selected", String(isSelected));
    const cells = [...line.children];
    if (entry.kind === "gap") {
      line.className = "astra-row astra-gap";
      for (const cell of cells.slice(0, PAYLOAD)) setText(cell, "");
      this.#setPayload(line, `${counted(entry.count, "record")} left out of this view; server.log has the newest of them`, "");
      return;
    }
    const row = entry;
    line.className = `astra-row astra-k-${row.kind} astra-t-${row.type || row.kind}`
      + (row.refused ? " astra-refused" : "") + (isSelected ? " astra-selected" : "")
      + (row.direction ? ` astra-d-${row.direction}` : "");
    const texts = cellTexts(row, this.timeForm, this.origin, this.#timeBefore(index));
    cells.slice(0, PAYLOAD).forEach((cell, at) => {
      const key = COLUMNS[at]?.key ?? "";
      const text = texts[at] ?? "";
      setText(cell, text);
      if (text.length > (this.widths[key] ?? Infinity)) this.#setWidth(key, text.length);
    });
    cells[FLAGS]?.setAttribute("aria-label", row.kind === "frame" ? flags(row) : "");
    this.#setPayload(line, this.contexts.get(row.number) ?? row.text, remarks(row));
  }

  /** @param {HTMLElement} line @param {string} text @param {string} remark */
  #setPayload(line, text, remark) {
    const [preview, aside] = line.children[PAYLOAD]?.children ?? [];
    if (preview) setText(preview, text);
    if (aside) setText(aside, remark);
  }

  /** @param {number} index */
  #timeBefore(index) {
    const near = this.entries.slice(Math.max(0, index - 9), index + 1);
    const before = near.slice(0, -1).findLast(isRow) ?? near.at(-1);
    return before !== undefined && isRow(before) ? before.time : 0;
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    const atEnd = scrollTop + clientHeight >= scrollHeight - ROW_HEIGHT / 2;
    const wentUp = scrollTop < this.lastTop - 1;
    this.lastTop = scrollTop;
    if (this.follow && wentUp && !atEnd) this.#changeFollow(false);
    else if (!this.follow && atEnd && !wentUp) this.#changeFollow(true);
    // The list's own scrolling comes back here, and is drawn already.
    if (scrollTop !== this.drawnTop) this.draw();
  }

  /** @param {boolean} follow */
  #changeFollow(follow) {
    this.follow = follow;
    this.handlers.onFollow(follow);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const line = /** @type {HTMLElement} */ (event.target).closest(".astra-row");
    if (line instanceof HTMLElement && line.dataset.index) this.select(Number(line.dataset.index));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 1);
    const at = this.selectedIndex();
    const from = at < 0 ? this.entries.length : at;
    const targets = /** @type {Record<string, number>} */ ({
      ArrowDown: at < 0 ? this.entries.length - 1 : from + 1,
      ArrowUp: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: this.entries.length - 1,
    });
    if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      this.handlers.onOpen();
      return;
    }
    const target = targets[event.key];
    if (target === undefined || this.entries.length === 0) return;
    event.preventDefault();
    // Jupyter's own shortcuts listen further out.
    event.stopPropagation();
    this.select(Math.min(this.entries.length - 1, Math.max(0, target)), target < from ? -1 : 1);
  }

  /** The index of the row at the top. */
  topIndex() {
    return Math.floor(this.lastTop / ROW_HEIGHT);
  }

  selectedIndex() {
    // A binary search: numbers rise along the list.
    let low = 0;
    let high = this.entries.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { number = 0, kind = "gap" } = this.entries[middle] ?? {};
      if (number === this.selected) return kind === "gap" ? -1 : middle;
      if (number < this.selected) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /**
   * Choose the row at an index, or the nearest one in this direction when a gap is there.
   * @param {number} index
   * @param {number} step
   */
  select(index, step = 1) {
    let at = index;
    while (this.entries[at]?.kind === "gap") at += step;
    const entry = this.entries[at];
    if (entry === undefined || entry.kind === "gap") return;
    this.selected = entry.number;
    if (at < this.entries.length - 1) this.#changeFollow(false);
    this.#reveal(at);
    this.draw();
    const line = this.pool.find((candidate) => candidate.dataset.index === String(at) && !candidate.hidden);
    if (line) {
      line.id ||= `astra-row-${Math.random().toString(36).slice(2)}`;
      this.scroller.setAttribute("aria-activedescendant", line.id);
    }
    this.handlers.onSelect(entry);
  }

  /** @param {number} index */
  #reveal(index) {
    const top = index * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight - HEAD_HEIGHT) {
      this.scroller.scrollTop = top + ROW_HEIGHT - clientHeight + HEAD_HEIGHT;
    }
    this.lastTop = this.scroller.scrollTop;
  }
}
