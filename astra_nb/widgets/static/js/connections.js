// All connections of the log, sortable, each with its life on one time axis; a click follows one.

import { element, setText } from "./dom.js";
import { counted, grouped, size } from "./format.js";
import { duration } from "./rows.js";

/**
 * @typedef {{ id: number, peer: string, path: string, who: string, opened: number, closed: number, state: string, why: string, end: number,
 *   received: [number, number], sent: [number, number], rtt: number | null }} Connection times in seconds since the epoch; `end` is the number of its last record, 0 where it goes on
 */

/** The word for a connection's state: one that failed is closed, and its end says how. @param {string} state */
export function stateWord(state) {
  return state === "failed" ? "closed" : state;
}

const DRAWN = 1000; // rows; the filter finds the others
const COLUMNS = /** @type {[string, string, (one: Connection) => string | number][]} */ ([
  ["no", "No.", (one) => one.id], ["state", "State", (one) => one.state], ["path", "Path", (one) => one.path], ["who", "Who", (one) => one.who + one.peer],
  ["opened", "Opened", (one) => one.opened], ["lasted", "Lasted", (one) => (one.closed || Infinity) - one.opened],
  ["received", "Received", (one) => one.received[0]], ["sent", "Sent", (one) => one.sent[0]], ["rtt", "RTT", (one) => one.rtt ?? Infinity],
  ["life", "Life", (one) => one.opened], ["why", "How it ended", (one) => one.why],
]);

export class Connections {
  /** @param {(connection: number, end: number) => void} onFollow */
  constructor(onFollow) {
    /** @type {Connection[]} */
    this.all = [];
    this.by = "no";
    this.down = false;
    this.filter = "";
    this.origin = 0;
    this.now = 0;
    this.heads = COLUMNS.map(([key, name]) => element("button", { type: "button", text: name, onclick: () => this.#sort(key) }));
    this.body = element("div", { role: "rowgroup", tabindex: 0,
      onclick: (event) => this.#follow(event.target), onkeydown: (event) => { if (event.key === "Enter") this.#follow(event.target); } });
    this.onFollow = onFollow;
    this.sum = element("p", { class: "astra-sum", role: "status" });
    this.root = element("div", { class: "astra-connections" },
      element("div", { class: "astra-table", role: "table", "aria-label": "Connections" },
        element("div", { class: "astra-head", role: "row" }, ...this.heads.map((head, at) => element("span", { role: "columnheader", class: `astra-${COLUMNS[at]?.[0]}` }, head))), this.body), this.sum);
  }

  /** @param {EventTarget | null} target */
  #follow(target) {
    const row = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest("[data-connection]")) : null;
    const one = this.all.find(({ id }) => id === Number(row?.dataset.connection));
    if (one) this.onFollow(one.id, one.end);
  }

  /** @param {string} key */
  #sort(key) {
    this.down = this.by === key && !this.down;
    this.by = key;
    this.draw();
  }

  draw() {
    const value = COLUMNS.find(([key]) => key === this.by)?.[2] ?? ((one) => one.id);
    const wanted = this.filter.toLowerCase();
    const shown = this.all.filter((one) => wanted === "" || `#${one.id} ${stateWord(one.state)} ${one.path} ${one.who} ${one.peer} ${one.why}`.toLowerCase().includes(wanted));
    shown.sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      return (a < b ? -1 : a > b ? 1 : one.id - other.id) * (this.down ? -1 : 1);
    });
    this.heads.forEach((head, at) => head.parentElement?.setAttribute("aria-sort", COLUMNS[at]?.[0] === this.by ? (this.down ? "descending" : "ascending") : "none"));
    const amount = (/** @type {[number, number]} */ [frames, bytes]) => `${grouped(frames)}  ${size(bytes)}`;
    const widest = Math.max(0, ...shown.slice(0, DRAWN).flatMap((one) => [amount(one.received).length, amount(one.sent).length]));
    this.root.style.setProperty("--astra-amount-text", String(widest));
    const end = Math.max(this.now, ...this.all.slice(-DRAWN).map((one) => one.closed));
    const place = (/** @type {number} */ time) => 100 * (time - this.origin) / Math.max(1e-3, end - this.origin);
    this.body.replaceChildren(...shown.slice(0, DRAWN).map((one) => {
      const [from, to] = [place(one.opened), place(one.closed || end)];
      const cells = {
        no: `#${one.id}`, state: stateWord(one.state), path: one.path, who: one.who || one.peer,
        opened: (one.opened - this.origin).toFixed(3), lasted: one.closed ? duration(one.closed - one.opened) : "",
        received: amount(one.received), sent: amount(one.sent),
        rtt: one.rtt === null ? "" : duration(one.rtt), life: "", why: one.why,
      };
      return element("div", { class: `astra-connection-row astra-is-${one.state}`, role: "row", "data-connection": one.id },
        ...COLUMNS.map(([key]) => key === "no"
          ? element("span", { role: "cell", class: "astra-no" }, element("button", { type: "button", text: cells.no, title: `Follow #${one.id}` }))
          : key === "life"
            ? element("span", { role: "cell", class: "astra-life-cell", "aria-label": "" }, element("i", { style: `left: ${from}%; width: max(2px, ${Math.max(0, to - from)}%)` }))
            : element("span", { role: "cell", class: `astra-${key}`, title: key === "who" ? one.peer : cells[/** @type {"why"} */ (key)] }, element("bdi", { text: cells[/** @type {"why"} */ (key)] }))));
    }));
    const refused = this.all.filter((one) => one.state === "refused").length;
    setText(this.sum, `${counted(this.all.length - refused, "connection")}${refused ? `, ${counted(refused, "refused handshake")}` : ""}. ${shown.length > DRAWN ? `The first ${DRAWN} are shown; filter for the others. ` : ""}Click one, or press Enter, to follow it in Frames; one that has ended shows why.`);
  }
}
