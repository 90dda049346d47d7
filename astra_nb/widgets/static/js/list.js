// The list of rows: virtual over all numbers of its index, so that any log scrolls the same.

import { element, isOther, setText } from "./dom.js";
import { clock, counted, elapsed, span } from "./format.js";
import { Line, laneAt } from "./line.js";
import { Spans } from "./numbers.js";

const ROW_HEIGHT = 20;
const HEAD_HEIGHT = 24;
const TALLEST = 8_000_000; // pixels; a browser cuts what is much higher
const LANE_WIDTH = 36; // pixels, at least, from one life line of the sequence to the next
const FETCH_AHEAD = 20; // rows

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {"relative" | "delta" | "absolute" | "chosen"} TimeForm
 * @typedef {object} ListHandlers
 * @property {(number: number) => void} onSelect
 * @property {(number: number) => void} onCompare
 * @property {(connection: number) => void} onConnection
 * @property {(follow: boolean) => void} onFollow
 * @property {() => void} onScroll
 * @property {(rows: number) => void} onSight how many rows may be drawn at once
 * @property {(numbers: number[]) => Promise<Record<string, string>>} fetch
 */

export class RowList {
  /** @param {import("./store.js").Store} store @param {ListHandlers} handlers */
  constructor(store, handlers) {
    this.store = store;
    this.handlers = handlers;
    /** @type {import("./numbers.js").Spans | import("./numbers.js").Sorted} */
    this.index = new Spans([]);
    this.follow = true;
    this.chosen = 0;
    this.pinned = 0; // the row to compare with
    this.zero = 0; // time of the row that times are relative to
    /** @type {TimeForm} */
    this.timeForm = "relative";
    this.asSequence = false;
    /** @type {Map<number, string>} what was found around the filter's text, by number */
    this.contexts = new Map();
    this.askContexts = false;
    /** @type {Set<number>} */
    this.asked = new Set();
    /** @type {Set<number>} asked for, and did not come */
    this.late = new Set();
    /** Connections with a life line of their own in the sequence, rising. */
    this.lanes = /** @type {number[]} */ ([]);
    this.others = 0; // connections that share the last life line
    this.only = 0; // the connection that the filter lets through, 0 for all
    this.width = 0; // of the scroller, pixels
    this.top = 0; // index of the first row in sight, as it was drawn
    this.first = 0; // index of the first place in the piece
    this.y = 0; // where the piece stands
    this.laneHead = element("span", { class: "astra-ladder", role: "columnheader" });
    this.space = element("div", { class: "astra-space", role: "rowgroup" });
    // As high as all rows together; the few that are in the page are moved along it in one piece, in
    // which a row keeps its place as long as it is in sight.
    this.runway = element("div", { role: "presentation" }, this.space);
    this.empty = element("p", { class: "astra-empty", role: "status" });
    this.scroller = element("div", {
      class: "astra-rows", tabindex: 0, role: "grid", "aria-label": "Records of the log", "aria-colcount": 9,
      onscroll: () => this.#scrolled(),
      onclick: (event) => this.#clicked(event),
    }, this.#headRow(), this.runway);
    this.marks = element("span", { class: "astra-error-marks", "aria-hidden": "true" });
    this.root = element("div", { class: "astra-list" }, this.scroller, this.marks, this.empty);
    /** @type {Line[]} */
    this.pool = [];
    this.scrollTop = 0; // pixels; where the list is to stand
    this.settled = 0; // where the page has been told to stand
    // Of the scroller and of the runway in it, pixels: read or set where they change, because
    // reading lays the page out.
    this.height = 0;
    this.length = -1;
    /** @type {Record<string, number>} characters of the longest text, by column */
    this.longest = {};
  }

  /**
   * Have a column be at least as wide as a text.
   * @param {"no" | "time" | "con" | "kind" | "len"} column @param {string} text
   */
  fit(column, text) {
    if (text.length > (this.longest[column] ?? 0)) {
      this.longest[column] = text.length;
      this.scroller.style.setProperty(`--astra-${column}-text`, String(text.length));
    }
    return text;
  }

  /** Forget how wide columns were: other texts come. */
  unfit() {
    this.longest = {};
  }

  /** The scroller has another height now, or is shown again. */
  resize() {
    const { clientHeight, clientWidth } = this.scroller;
    if (clientHeight === 0) return; // hidden: the list stands where it stood until it is shown
    this.height = clientHeight;
    this.width = clientWidth;
    this.settled = NaN; // what a hidden scroller was told had no effect
    this.#moveTo(this.scrollTop);
    this.handlers.onSight(this.#rowsInSight + 5);
    if (this.follow) this.#moveTo(Infinity);
    this.draw();
    this.settle();
  }

  #headRow() {
    const names = [["", ""], ["no", "No."], ["time", "Time"], ["ladder", ""], ["con", "Con"], ["dir", ""], ["type", "Type"], ["bits", "F RSV M"], ["len", "Length"], ["pay", "Payload"], ["rem", ""]];
    return element("div", { class: "astra-head", role: "row" },
      ...names.map(([key, text]) => (key === "ladder" ? this.laneHead : element("span", { class: `astra-${key}`, role: "columnheader", title: key === "dir" ? "Direction: up is sent, down is received, seen from the end that keeps the log" : false }, key === "dir" ? element("span", { "aria-hidden": "true", text: "\u21c5" }) : null, text || element("span", { class: "astra-spoken", text: { dir: "Direction", rem: "Answers" }[key ?? ""] ?? "Message" })))));
  }

  get #rowsInSight() {
    return Math.max(1, Math.floor((this.height - HEAD_HEIGHT) / ROW_HEIGHT));
  }

  /** The number of the last row in sight. */
  get bottom() {
    return this.index.at(Math.min(this.index.length, this.top + this.#rowsInSight) - 1) ?? 0;
  }

  /** How many rows a pixel of the space stands for, in parts of a row's height: the lowest place is the last row's. */
  get #scale() {
    const { length } = this.index;
    return length * ROW_HEIGHT <= TALLEST ? 1 : (length - this.#rowsInSight) * ROW_HEIGHT / (TALLEST + HEAD_HEIGHT - this.height);
  }

  /**
   * Show other numbers; what is being read stays where it is: the chosen row if it is in sight, else
   * the first one. The page scrolls there with `settle`.
   * @param {import("./numbers.js").Spans | import("./numbers.js").Sorted} index
   * @param {string} whyEmpty why there is no row, or next to none; "" where there are some
   */
  show(index, whyEmpty) {
    const at = this.index.indexOf(this.chosen);
    const below = this.index.at(at) === this.chosen && at >= this.top && at < this.top + this.#rowsInSight ? at - this.top : 0;
    const anchor = this.index.at(this.top + below);
    const part = this.#scale === 1 ? this.scrollTop - this.top * ROW_HEIGHT : 0;
    this.index = index;
    this.#forgetLate();
    const length = Math.min(index.length * ROW_HEIGHT, TALLEST);
    if (length !== this.length) {
      this.length = length;
      this.runway.style.height = `${length}px`;
      this.scroller.setAttribute("aria-rowcount", String(index.length + 1));
    }
    setText(this.empty, whyEmpty);
    if (whyEmpty !== "") this.empty.style.top = `${HEAD_HEIGHT + index.length * ROW_HEIGHT + 10}px`;
    if (this.follow) {
      this.#moveTo(Infinity);
      this.draw(true, index.length);
      return;
    }
    if (anchor !== undefined) this.#moveTo((index.indexOf(anchor) - below) * ROW_HEIGHT / this.#scale + part);
    this.draw(true);
  }

  /** @param {number} top */
  #moveTo(top) {
    this.scrollTop = Math.max(0, Math.min(top, HEAD_HEIGHT + this.length - this.height));
  }

  /** Scroll the page to where the list stands: last of all, because it has the page laid out. */
  settle() {
    if (this.scrollTop !== this.settled) this.scroller.scrollTop = this.scrollTop;
    this.settled = this.scrollTop;
  }

  /**
   * @param {boolean} [all] whether rows that did not move are drawn again too
   * @param {number} [first] index of the first row in sight, if that is known
   */
  draw(all = false, first = undefined) {
    const { index } = this;
    const inSight = this.#rowsInSight;
    const scale = this.#scale;
    const wanted = first ?? Math.floor(this.scrollTop * scale / ROW_HEIGHT + 1e-6);
    this.top = Math.max(0, Math.min(wanted, index.length - inSight));
    const from = Math.max(0, this.top - 2);
    const to = Math.min(index.length, this.top + inSight + 3);
    while (this.pool.length < inSight + 6) {
      const line = new Line(this);
      this.pool.push(line);
      this.space.append(line.root);
    }
    if (this.asSequence) this.#findLanes();
    const missing = /** @type {number[]} */ ([]);
    const numbers = [];
    for (let at = from; at < to; at += 1) numbers.push(index.at(at) ?? 0);
    const inSightNow = new Set(numbers);
    const kept = new Map(this.pool.filter(({ number }) => inSightNow.has(number)).map((line) => [line.number, line]));
    const free = new Map(this.pool.filter(({ number }) => !inSightNow.has(number)).map((line) => [line.place, line]));
    const [stays] = kept.values();
    this.first = stays ? from + numbers.indexOf(stays.number) - stays.place : from;
    // In a scaled space a row stands where the scrolling puts it.
    const y = (scale === 1 ? from * ROW_HEIGHT : this.scrollTop + (from - this.top) * ROW_HEIGHT) - (from - this.first) * ROW_HEIGHT;
    if (this.y !== y) this.space.style.transform = `translateY(${y}px)`;
    this.y = y;
    numbers.forEach((number, nth) => {
      const row = this.store.rows.get(number);
      if (row === undefined || (this.askContexts && !this.contexts.has(number) && !this.asked.has(number))) missing.push(number);
      const place = from + nth - this.first;
      // A line that is at this place already is not moved: to move one costs more than other texts.
      const line = kept.get(number) ?? free.get(place) ?? free.values().next().value;
      if (line === undefined) return;
      free.delete(line.place);
      line.show(number, row, from + nth, place, all);
    });
    for (const line of free.values()) line.hide();
    this.#drawErrors();
    if (missing.length > 0) this.#fetch(missing, from, to);
  }

  /** @param {number[]} missing @param {number} from @param {number} to */
  #fetch(missing, from, to) {
    const { index } = this;
    const more = [];
    for (let at = from - FETCH_AHEAD; at < to + FETCH_AHEAD; at += 1) {
      const number = at >= from && at < to ? undefined : index.at(at);
      if (number !== undefined && !this.store.rows.has(number)) more.push(number);
    }
    const wanted = [...missing, ...more].filter((number) => !this.asked.has(number)).sort((a, b) => a - b);
    if (wanted.length === 0) return;
    for (const number of wanted) this.asked.add(number);
    this.handlers.fetch(wanted).then((contexts) => {
      if (this.askContexts) for (const number of wanted) this.contexts.set(number, contexts[number] ?? "");
    }, () => {}).finally(() => {
      const lacks = (/** @type {number} */ number) => !this.store.rows.has(number) || (this.askContexts && !this.contexts.has(number));
      // To ask again at once for what did not come would have no end: that waits for news or a scroll.
      for (const number of wanted) if (lacks(number)) this.late.add(number); else if (!this.askContexts) this.asked.delete(number);
      this.draw(true);
    });
  }

  /** Which connections have life lines: the first of the log, whatever is in sight, so that none moves. */
  #findLanes() {
    const { connections = [], total = 0, of_server, state } = this.store.status;
    const known = this.only ? [this.only] : [...new Set([...this.lanes, ...connections.map(([id]) => id)])].sort((a, b) => a - b);
    const most = Math.max(3, Math.floor(0.25 * this.width / LANE_WIDTH)); // of the ladder, a third of the width, a part is for the lanes
    this.lanes = known.length <= most ? known : known.slice(0, most - 1);
    this.others = this.only ? 0 : Math.max(known.length, total) - this.lanes.length;
    const names = [of_server || state === "log" ? "server" : "client", ...this.lanes.map((id) => `#${id}`), ...(this.others ? [`+${this.others}`] : [])];
    if (!isOther(this.laneHead, names)) return;
    this.laneHead.title = this.others ? `${counted(this.others, "connection")} without a line of its own: the last line has them all. Follow one (f) to see it alone.` : "";
    this.laneHead.replaceChildren(...names.map((text, at) => element("span", { text, class: this.others && at === names.length - 1 ? "astra-shared" : "", style: `left: ${laneAt(at, names.length, this.others)}%` })));
  }

  #drawErrors() {
    const { errors, last } = this.store;
    const { length } = this.index;
    const scrolls = length > this.#rowsInSight;
    if (last === 0 || !isOther(this.marks, errors.length, scrolls ? Math.round(Math.log2(length) * 8) : 0)) return;
    const places = new Set((scrolls ? errors.slice(-200) : []).map((number) => Math.round(100 * this.index.indexOf(number) / length)));
    this.marks.replaceChildren(...[...places].map((place) => element("i", { style: `top: ${Math.min(place, 99)}%` })));
  }

  #forgetLate() {
    for (const number of this.late) this.asked.delete(number);
    this.late.clear();
  }

  #scrolled() {
    const { scrollTop, clientHeight } = this.scroller;
    if (clientHeight === 0 || Math.abs(scrollTop - this.settled) < 1) return; // the list's own scrolling, which is drawn already
    if (this.follow && clientHeight !== this.height) return; // the page's own, for another height: `resize` comes next
    const atEnd = scrollTop + this.height >= HEAD_HEIGHT + this.length - ROW_HEIGHT / 2;
    if (this.follow && scrollTop < this.scrollTop - 1 && !atEnd) this.setFollow(false);
    else if (!this.follow && atEnd && scrollTop > this.scrollTop) this.setFollow(true);
    this.scrollTop = scrollTop;
    this.settled = scrollTop;
    this.#forgetLate();
    this.draw();
    this.handlers.onScroll();
  }

  /** @param {boolean} follow */
  setFollow(follow) {
    const changed = follow !== this.follow;
    this.follow = follow;
    if (follow) {
      this.#moveTo(Infinity);
      this.draw();
      this.settle();
    }
    if (changed) this.handlers.onFollow(follow);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const number = Number(/** @type {HTMLElement | null} */ (target.closest(".astra-row"))?.dataset.number ?? 0);
    if (!number) return;
    const link = /** @type {HTMLElement | null} */ (target.closest("[data-to]"));
    if (link) this.choose(Number(link.dataset.to));
    else if (target.closest(".astra-con button")) this.handlers.onConnection(this.store.rows.get(number)?.connection ?? 0);
    else if (event.shiftKey && this.chosen) this.handlers.onCompare(number);
    else this.choose(number);
  }

  /** Mark the row to compare with. @param {number} number 0 for none */
  pin(number) {
    this.pinned = number;
    this.draw(true);
  }

  /** Choose a row by its number, and bring it into sight. @param {number} number */
  choose(number) {
    const at = this.index.indexOf(number);
    this.chosen = number;
    if (at < this.index.length - 1 || number < this.store.last) this.setFollow(false);
    this.reveal(at);
    this.draw(true);
    this.settle();
    this.scroller.setAttribute("aria-activedescendant", this.pool.find((line) => line.number === number)?.root.id ?? "");
    this.handlers.onSelect(number);
  }

  /** Bring a row whole into sight, between the head and the lower edge. @param {number} at */
  reveal(at) {
    const scale = this.#scale;
    const inSight = this.#rowsInSight;
    const highest = at * ROW_HEIGHT / scale;
    const lowest = scale === 1 ? highest + HEAD_HEIGHT + ROW_HEIGHT - this.height : (at - inSight + 1) * ROW_HEIGHT / scale;
    const wanted = Math.min(highest, Math.max(lowest, this.scrollTop));
    if (wanted === this.scrollTop) return;
    // A jump lands in the middle, a step at the edge.
    const far = Math.abs(wanted - this.scrollTop) > inSight * ROW_HEIGHT / scale;
    this.#moveTo(far ? (at - Math.floor(inSight / 2)) * ROW_HEIGHT / scale : wanted);
  }

  /** Choose a row by steps from the chosen one. @param {number} step @param {boolean} [toEnd] */
  step(step, toEnd = false) {
    const { index } = this;
    if (index.length === 0) return;
    const at = this.chosen === 0 ? (step < 0 ? index.length : this.top - 1) : index.indexOf(this.chosen);
    const wanted = toEnd ? (step < 0 ? 0 : index.length - 1) : Math.min(index.length - 1, Math.max(0, at + step));
    const number = index.at(wanted);
    if (number !== undefined) this.choose(number);
  }

  pageStep() {
    return this.#rowsInSight - 1;
  }

  /** @param {Row} row @param {number} at */
  timeText(row, at) {
    if (this.timeForm === "absolute") return clock(row.time);
    if (this.timeForm === "chosen") return (row.time - this.zero).toFixed(3).replace(/^(?!-)/, "+");
    if (this.timeForm === "relative") return elapsed(this.store.origin, row.time).toFixed(3);
    const before = this.store.rows.get(this.index.at(at - 1) ?? 0);
    return before ? span(elapsed(before.time, row.time)) : "";
  }
}
