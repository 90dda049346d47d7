// One row on the page; the list hands it another record to show, and only what differs is drawn.

import { element, icon, redraw, setText, svgElement } from "./dom.js";
import { bitLetters, flags, grouped } from "./format.js";
import { remark, typeName } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */

/**
 * Where a life line stands in the sequence, in percent; one that some share has room for a number beside it.
 * @param {number} at @param {number} count @param {number} others how many share the last one
 */
export function laneAt(at, count, others) {
  return 9 + at * (others ? 74 : 86) / Math.max(1, count - 1);
}

/** What is drawn of a row that has not come yet. @type {Row} */
const WAITING = {
  number: 0, time: 0, connection: 0, kind: "waiting", type: "", direction: "", sender: "", text: "", note: "", bad: false,
  fin: false, rsv: 0, masked: false, length: 0, answer: 0, part: 0, mark: 0,
};
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
    this.arrow = icon("down");
    this.dir.append(this.arrow);
    this.type = cell("type");
    this.bits = cell("bits");
    this.len = cell("len");
    this.pay = cell("pay");
    this.rem = cell("rem");
    this.ladder = cell("ladder");
    this.conButton = element("button", { type: "button", tabindex: -1, hidden: true });
    this.con.append(this.conButton);
    this.typeQuiet = element("small");
    this.typeWord = element("span");
    this.type.append(this.typeWord, this.typeQuiet);
    this.text = element("bdi");
    this.tag = element("span", { class: "astra-tag" });
    this.why = element("span", { class: "astra-why" });
    this.pay.append(this.tag, this.text, this.why);
    this.root = element("div", { class: "astra-row", role: "row", "aria-selected": "false", id: `astra-line-${lines += 1}` },
      this.gutter, this.no, this.time, this.ladder, this.con, this.dir, this.type, this.bits, this.len,
      element("div", { class: "astra-rest", role: "presentation" }, this.pay, this.rem));
    /** @type {Row | null} */
    this.row = null;
    this.number = 0;
    this.nowhere = lines + 0.5; // a place that no other line has, while it is hidden
    this.place = this.nowhere; // in the piece that the list moves
    this.at = -1; // in the list
    // What is drawn, where to ask the page would take longer.
    this.flags = "";
    this.answers = "";
    this.direction = "";
    this.steps = "";
    this.isChosen = false;
  }

  hide() {
    if (this.root.hidden) return;
    this.root.hidden = true;
    this.root.className = "astra-row";
    this.number = 0;
    this.place = this.nowhere;
  }

  /**
   * @param {number} number @param {Row | undefined} known @param {number} at @param {number} place
   * @param {boolean} all
   */
  show(number, known, at, place, all) {
    const row = known ?? WAITING;
    const { list, root } = this;
    if (this.place !== place) root.style.top = `${20 * place}px`;
    this.place = place;
    if (this.at !== at) root.setAttribute("aria-rowindex", String(at + 2));
    this.at = at;
    if (!all && this.number === number && this.row === row) return;
    if (root.hidden) root.hidden = false;
    if (this.number !== number) root.dataset.number = String(number);
    this.number = number;
    this.row = row;
    setText(this.no, list.fit("no", String(number)));
    const pinned = number === list.pinned;
    if (setText(this.gutter, pinned ? "\u25c6" : "")) this.gutter.setAttribute("aria-label", pinned ? "pinned" : "");
    const chosen = number === list.chosen;
    const className = `astra-row astra-k-${row.kind} astra-t-${row.part === 0 ? row.type : row.part[1]}`
      + (row.bad ? " astra-bad-row" : "") + (chosen ? " astra-chosen" : "") + (pinned ? " astra-pinned" : "")
      + (row.direction ? ` astra-d-${row.direction}` : "") + (row.part !== 0 && !row.part[3] ? " astra-part" : "");
    if (root.className !== className) root.className = className;
    if (this.isChosen !== chosen) root.setAttribute("aria-selected", String(chosen));
    this.isChosen = chosen;
    setText(this.time, list.fit("time", known ? list.timeText(known, at) : ""));
    const connection = row.connection ? list.fit("con", `#${row.connection}`) : "";
    if (setText(this.conButton, connection)) {
      this.conButton.hidden = connection === "";
      this.conButton.title = connection && `Follow ${connection}`;
    }
    const [name, quiet] = typeName(row, row.part === 0 ? undefined : list.store.totals.get(row.part[0]));
    list.fit("kind", name + quiet);
    setText(this.typeWord, name);
    setText(this.typeQuiet, quiet);
    const frame = row.kind === "frame";
    const bits = frame ? flags(row) : "";
    if (this.flags !== bits) {
      this.flags = bits;
      this.bits.setAttribute("aria-label", bits);
      setText(this.bits, frame ? bitLetters(row) : "");
    }
    setText(this.len, frame ? list.fit("len", grouped(row.length)) : "");
    setText(this.tag, row.part !== 0 && row.part[3] ? `${row.part[2]} frames joined, ${grouped(row.part[4])} bytes`
      : row.kind === "closed" ? { clean: "Clean", failed: "Not clean", refused: "Refused" }[row.note] ?? "" : "");
    const context = list.contexts.get(number);
    this.#drawText(context || row.text, context ? 0 : row.mark);
    setText(this.why, frame && row.note ? row.note : "");
    this.#drawDirection(row.direction);
    const { number: asked, text } = remark(row);
    this.#drawRemark(asked, text);
    this.#drawGutter(row, at);
    if (list.asSequence) this.#drawLadder(row);
  }

  /** @param {string} text @param {Row["mark"]} mark the piece of it that breaks a rule */
  #drawText(text, mark) {
    if (mark === 0 && this.text.childElementCount === 0) setText(this.text, text);
    else if (mark === 0) this.text.replaceChildren(text);
    else this.text.replaceChildren(text.slice(0, mark[0]), element("mark", { class: "astra-bad", text: text.slice(...mark) }), text.slice(mark[1]));
  }

  /** @param {Row["direction"]} direction */
  #drawDirection(direction) {
    if (this.direction === direction) return;
    this.direction = direction;
    if (direction === "") this.dir.removeAttribute("aria-label");
    else this.dir.setAttribute("aria-label", direction);
    // The same drawing with another path: new ones would be styled and laid out.
    if (direction !== "") redraw(this.arrow, direction === "sent" ? "up" : "down");
  }

  /** @param {number} number @param {string} text */
  #drawRemark(number, text) {
    const signature = number === 0 ? "" : `${number} ${text}`;
    if (this.answers === signature) return;
    this.answers = signature;
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
    const { lanes, others } = this.list;
    const count = lanes.length + (others ? 2 : 1);
    const own = lanes.indexOf(row.connection) + 1;
    const shares = own === 0 && others > 0 && row.connection > 0;
    const lane = shares ? count - 1 : own;
    const place = (/** @type {number} */ at) => laneAt(at, count, others);
    const signature = `${count} ${others > 0} ${lane} ${row.connection} ${row.direction} ${row.kind} ${row.note === ""}`;
    if (this.steps === signature) return;
    this.steps = signature;
    const svg = svgElement("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
    const line = (/** @type {Record<string, string | number>} */ attributes) => svg.append(svgElement("line", attributes));
    for (let at = 0; at < count; at += 1) {
      line({ class: at === 0 ? "astra-life astra-own" : "astra-life", x1: `${place(at)}%`, x2: `${place(at)}%`, y1: 0, y2: 20 });
    }
    if (lane > 0) {
      const [near, far] = [place(0), place(lane)];
      if (row.direction === "") {
        svg.append(svgElement("rect", { class: "astra-stop", x: `${far}%`, y: 6, width: 8, height: 8, transform: "translate(-4 0)", rx: row.kind === "opened" ? 4 : 0 }));
      } else {
        const { drawing } = this.list.store.model.get("catalog");
        line({ class: "astra-arrow", x1: `${near}%`, x2: `${far}%`, y1: 10, y2: 10, "stroke-dasharray": row.note ? drawing.dashes : "none" });
        svg.append(svgElement("svg", { x: `${row.direction === "sent" ? far : near}%`, y: 0, width: 1, height: 20, class: "astra-tip" },
          svgElement("polygon", { points: drawing[row.direction] })));
      }
    }
    const words = row.direction === "" ? `#${row.connection}` : row.direction === "sent" ? `to #${row.connection}` : `from #${row.connection}`;
    const number = shares ? [element("small", { "aria-hidden": "true", text: `#${row.connection}`, style: `left: ${place(lane)}%` })] : [];
    this.ladder.replaceChildren(svg, ...number, element("span", { class: "astra-spoken", text: words }));
  }
}
