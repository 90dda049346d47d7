// One row on the page; the list hands it another record to show, and only what differs is drawn.

import { element, icon, setText, svgElement } from "./dom.js";
import { bitLetters, flags, grouped } from "./format.js";
import { remark, typeName } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */

/** Where a life line stands in the sequence, in percent. @param {number} at @param {number} count */
export function laneAt(at, count) {
  return 9 + at * 86 / Math.max(1, count - 1);
}

let lines = 0;

export class Line {
  /** @param {import("./list.js").RowList} list */
  constructor(list) {
    this.list = list;
    const cell = (/** @type {string} */ key) => element("span", { class: `astra-${key}`, role: "gridcell" });
    this.gutter = element("span", { class: "astra-gutter", role: "gridcell" });
    this.no = cell("no");
    this.time = cell("time");
    this.con = cell("con");
    this.dir = cell("dir");
    this.type = cell("type");
    this.bits = cell("bits");
    this.len = cell("len");
    this.pay = cell("pay");
    this.rem = cell("rem");
    this.ladder = cell("ladder");
    this.conButton = element("button", { type: "button", tabindex: -1 });
    this.con.append(this.conButton);
    this.typeQuiet = element("small");
    this.typeWord = element("span");
    this.type.append(this.typeWord, this.typeQuiet);
    this.text = element("bdi");
    this.tag = element("span", { class: "astra-tag" });
    this.why = element("span", { class: "astra-why" });
    this.pay.append(this.tag, this.text, this.why);
    this.root = element("div", { class: "astra-row", role: "row", id: `astra-line-${lines += 1}` },
      this.gutter, this.no, this.time, this.con, this.dir, this.type, this.bits, this.len, this.pay, this.rem, this.ladder);
    /** @type {Row | undefined | null} */
    this.row = null;
    this.number = 0;
    this.place = -Infinity; // in the piece that the list moves
    this.at = -1; // in the list
  }

  hide() {
    if (!this.root.hidden) this.root.hidden = true;
    this.root.className = "astra-row";
    this.number = 0;
    this.place = -Infinity;
  }

  /**
   * @param {number} number @param {Row | undefined} row @param {number} at @param {number} place
   * @param {boolean} all
   */
  show(number, row, at, place, all) {
    const { list, root } = this;
    if (this.place !== place) root.style.top = `${20 * place}px`;
    this.place = place;
    if (this.at !== at) root.setAttribute("aria-rowindex", String(at + 2));
    this.at = at;
    if (!all && this.number === number && this.row === row) return;
    root.hidden = false;
    if (this.number !== number) root.dataset.number = String(number);
    this.number = number;
    this.row = row;
    if (row === undefined) {
      root.className = "astra-row astra-waiting";
      this.conButton.hidden = true;
      for (const cell of [this.time, this.conButton, this.typeWord, this.typeQuiet, this.bits, this.len, this.text, this.why, this.tag]) setText(cell, "");
      setText(this.no, String(number));
      for (const cell of [this.dir, this.rem, this.ladder]) cell.replaceChildren();
      delete this.dir.dataset.way;
      delete this.rem.dataset.shown;
      return;
    }
    const chosen = number === list.chosen;
    const className = `astra-row astra-k-${row.kind} astra-t-${row.part === 0 ? row.type : row.part[1]}`
      + (row.bad ? " astra-bad-row" : "") + (chosen ? " astra-chosen" : "")
      + (row.direction ? ` astra-d-${row.direction}` : "") + (row.part !== 0 && !row.part[3] ? " astra-part" : "")
      + (row.note.startsWith("ignored") ? " astra-ignored" : "");
    if (root.className !== className) root.className = className;
    root.setAttribute("aria-selected", String(chosen));
    setText(this.no, String(number));
    setText(this.time, list.timeText(row, at));
    setText(this.conButton, row.connection ? `#${row.connection}` : "");
    this.conButton.hidden = row.connection === 0;
    this.conButton.title = row.connection ? `Follow #${row.connection}` : "";
    const [name, quiet] = typeName(row, row.part === 0 ? undefined : list.store.totals.get(row.part[0]));
    setText(this.typeWord, name);
    setText(this.typeQuiet, quiet);
    const frame = row.kind === "frame";
    setText(this.bits, frame ? bitLetters(row) : "");
    if (frame) this.bits.setAttribute("aria-label", flags(row));
    setText(this.len, frame ? grouped(row.length) : "");
    setText(this.tag, row.part !== 0 && row.part[3] ? `${row.part[2]} frames joined, ${grouped(row.part[4])} bytes`
      : row.kind === "closed" ? { clean: "Clean", failed: "Not clean", refused: "Refused" }[row.note] ?? "" : "");
    setText(this.text, list.contexts.get(number) || row.text);
    setText(this.why, frame && row.note ? row.note : "");
    this.#drawDirection(row);
    this.#drawRemark(row);
    this.#drawGutter(row, at);
    if (list.asSequence) this.#drawLadder(row);
  }

  /** @param {Row} row */
  #drawDirection(row) {
    if (this.dir.dataset.way === row.direction) return;
    this.dir.dataset.way = row.direction;
    this.dir.replaceChildren(...(row.direction === "" ? []
      : [icon(row.direction === "sent" ? "up" : "down"), element("span", { class: "astra-spoken", text: row.direction })]));
  }

  /** @param {Row} row */
  #drawRemark(row) {
    const { number, text } = remark(row);
    const signature = `${number} ${text}`;
    if (this.rem.dataset.shown === signature) return;
    this.rem.dataset.shown = signature;
    this.rem.replaceChildren(...(number === 0 ? [] : [
      element("button", { type: "button", tabindex: -1, "data-to": number, title: `Answers ${number}`, "aria-label": `answers ${number}` }, icon("reply"), String(number)),
      text === "" ? "" : ` ${text}`]));
  }

  /** Tie fragments of one message, and the chosen row to what it answers. @param {Row} row @param {number} at */
  #drawGutter(row, at) {
    const { list } = this;
    let tie = "";
    if (row.part !== 0) tie = row.part[2] === 1 ? "start" : row.part[3] ? "end" : "middle";
    else {
      const before = this.#rowAt(at - 1);
      const after = this.#rowAt(at + 1);
      const inside = (/** @type {Row | undefined} */ one, /** @type {Row | undefined} */ other) =>
        one && other && one.part !== 0 && other.part !== 0 && one.part[0] === other.part[0];
      const near = [before, this.#rowAt(at - 2)].find((one) => one && one.part !== 0 && !one.part[3]);
      const next = [after, this.#rowAt(at + 2)].find((one) => one && one.part !== 0 && one.part[2] > 1);
      if (inside(near, next)) tie = "past";
      const chosen = list.store.rows.get(list.chosen);
      const asked = chosen && chosen.answer !== 0 ? chosen.answer[0] : 0;
      if (tie === "" && asked) {
        if (row.number === asked) tie = "start";
        else if (row.number === list.chosen) tie = "end";
        else if (row.number > asked && row.number < list.chosen) tie = "past";
      }
    }
    const className = `astra-gutter${tie ? ` astra-tie-${tie}` : ""}`;
    if (this.gutter.className !== className) this.gutter.className = className;
  }

  /** @param {number} at */
  #rowAt(at) {
    return this.list.store.rows.get(this.list.index.at(at) ?? 0);
  }

  /** @param {Row} row */
  #drawLadder(row) {
    const { lanes } = this.list;
    const count = lanes.length + 1;
    const svg = svgElement("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
    const line = (/** @type {Record<string, string | number>} */ attributes) => svg.append(svgElement("line", attributes));
    for (let at = 0; at < count; at += 1) {
      line({ class: at === 0 ? "astra-life astra-own" : "astra-life", x1: `${laneAt(at, count)}%`, x2: `${laneAt(at, count)}%`, y1: 0, y2: 20 });
    }
    const lane = lanes.indexOf(row.connection) + 1;
    if (lane > 0) {
      const [own, other] = [laneAt(0, count), laneAt(lane, count)];
      if (row.direction === "") {
        svg.append(svgElement("rect", { class: "astra-stop", x: `${other}%`, y: 6, width: 8, height: 8, transform: "translate(-4 0)", rx: row.kind === "opened" ? 4 : 0 }));
      } else {
        const { drawing } = this.list.store.model.get("catalog");
        line({ class: "astra-arrow", x1: `${own}%`, x2: `${other}%`, y1: 10, y2: 10, "stroke-dasharray": row.note ? drawing.dashes : "none" });
        const tip = svgElement("svg", { x: `${row.direction === "sent" ? other : own}%`, y: 0, width: 1, height: 20, class: "astra-tip" });
        tip.append(svgElement("polygon", { points: drawing[row.direction] }));
        svg.append(tip);
      }
    }
    const words = row.direction === "" ? `#${row.connection}` : row.direction === "sent" ? `to #${row.connection}` : `from #${row.connection}`;
    this.ladder.replaceChildren(svg, element("span", { class: "astra-spoken", text: words }));
  }
}
