// The sequence diagram of the conversation: two life lines, arrows in time order.

import { element, setText } from "./dom.js";
import { duration, elapsed, flags, span } from "./format.js";

/**
 * @typedef {import("./relations.js").RelatedRow} Row
 * @typedef {import("./ring.js").Entry} Entry
 * @typedef {object} Step
 * @property {Row} row
 * @property {"right" | "left" | "across"} way right: from client to server
 * @property {string} label
 * @property {string} aside
 * @property {"" | "server" | "client"} closing whose closing handshake this belongs to
 */

const STEPS_SHOWN = 200;

/**
 * The newest steps of a conversation, oldest first.
 * @param {Entry[]} entries
 * @param {number} limit
 * @returns {{ steps: Step[], leftOut: number }}
 */
export function sequenceSteps(entries, limit = STEPS_SHOWN) {
  /** @type {Map<number, "server" | "client">} */
  const closers = new Map();
  /** @type {Step[]} */
  const steps = [];
  let total = 0;
  for (const entry of entries) {
    if (entry.kind === "gap" || ["output", "notice", "check"].includes(entry.kind)) continue;
    const row = entry;
    if (row.connection === 0) continue;
    total += 1;
    if (row.type === "close" && !closers.has(row.connection)) {
      closers.set(row.connection, /** @type {"server" | "client"} */ (row.sender));
    }
    const way = row.sender === "client" ? "right" : row.sender === "server" ? "left" : "across";
    const closes = row.type === "close" || row.kind === "closed";
    const aside = row.answer?.kind === "pong" ? `RTT ${duration(row.answer.after)}`
      : row.refused ? "refused" : row.fragment ? `fragment ${row.fragment.index}` : "";
    steps.push({
      row,
      way,
      label: row.kind === "frame" ? row.type.toUpperCase() : row.kind,
      aside,
      closing: closes ? closers.get(row.connection) ?? "" : "",
    });
    if (row.kind === "closed") closers.delete(row.connection);
  }
  return { steps: steps.slice(-limit), leftOut: Math.max(0, total - limit) };
}

export class Sequence {
  /** @param {(row: Row) => void} onSelect */
  constructor(onSelect) {
    this.onSelect = onSelect;
    this.note = element("p", { class: "astra-hint" });
    this.list = element("ol", { class: "astra-sequence-list", "aria-label": "Steps in time order" });
    this.root = element("div", { class: "astra-sequence", tabindex: 0, role: "group", "aria-label": "Sequence diagram" },
      element("div", { class: "astra-sequence-head", "aria-hidden": "true" },
        element("span", {}), element("span", { text: "client" }), element("span", {}), element("span", { text: "server" })),
      this.note, this.list);
  }

  /** @param {Entry[]} entries @param {number} origin */
  show(entries, origin) {
    const { steps, leftOut } = sequenceSteps(entries);
    setText(this.note, leftOut > 0 ? `The newest ${steps.length} steps; ${leftOut} earlier ones are in the log.`
      : steps.length === 0 ? "No connection yet." : "");
    const atEnd = this.root.scrollTop + this.root.clientHeight >= this.root.scrollHeight - 30;
    this.list.replaceChildren(...steps.map((step) => this.#line(step, origin)));
    if (atEnd) this.root.scrollTop = this.root.scrollHeight;
  }

  /** @param {Step} step @param {number} origin */
  #line(step, origin) {
    const { row } = step;
    const words = step.way !== "across" ? step.label
      : row.kind === "opened" ? `open: ${row.text}` : row.text;
    const said = step.way === "right" ? "client to server" : step.way === "left" ? "server to client" : "";
    return element("li", {
      class: `astra-step astra-way-${step.way} astra-t-${row.type || row.kind}${step.closing ? ` astra-closing-${step.closing}` : ""}${row.refused ? " astra-refused" : ""}`,
    }, element("button", {
      class: "astra-step-button",
      type: "button", "aria-label": `${row.number}, connection ${row.connection}, ${said} ${step.label} ${row.text} ${step.aside}`,
      onclick: () => this.onSelect(row),
    },
    element("span", { class: "astra-step-time", text: `${span(elapsed(origin, row.time))}  #${row.connection}` }),
    element("span", { class: "astra-step-arrow" },
      element("span", { class: "astra-step-label" }, element("b", { text: words }), " ",
        step.way === "across" ? null : element("bdi", { text: row.text }),
        step.aside ? element("span", { class: "astra-muted", text: ` ${step.aside}` }) : null),
      element("span", { class: "astra-step-line", "aria-hidden": "true" })),
    element("span", { class: "astra-step-flags", text: row.kind === "frame" ? flags(row) : "" })));
  }
}
