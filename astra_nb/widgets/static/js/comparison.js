// Comparison of both ends of a connection: what one end sent beside what the other end got.

import { element } from "./dom.js";
import { counted } from "./format.js";

/**
 * @typedef {{ what: string, sender: string, sent: string, arrived: string, changed: boolean,
 *   note: string }} Point as `comparison.py` makes it
 */

/**
 * The sentence above the table.
 * @param {Point[]} points
 * @param {string} doubt
 */
export function verdictOf(points, doubt) {
  if (doubt) return doubt;
  const changed = points.filter((point) => point.changed).length;
  if (changed === 0) return "nothing was changed on the way.";
  return `${changed} of ${counted(points.length, "thing")} changed on the way.`;
}

/**
 * The sign before what arrived; a word has the same meaning where it matters.
 * @param {string} sent
 * @param {string} arrived
 * @param {boolean} changed
 */
export function markOf(sent, arrived, changed) {
  if (changed) return "\u2260";
  return sent === arrived || arrived.endsWith("unchanged") ? "=" : "\u2192";
}

/**
 * @param {import("./bridge.js").Comparison & { proxied: boolean }} comparison
 * @returns {HTMLElement[]}
 */
export function comparisonTable({ number, doubt, points, proxied }) {
  const title = proxied ? "The proxy between" : "Both ends compared";
  const head = element("p", { class: "astra-start-line" },
    `${title}${number ? `, connection #${number}` : ""}: `, element("span", { text: verdictOf(points, doubt) }));
  if (points.length === 0) return [head];
  const columns = ["", "sent by", "sent", "arrived"];
  const rows = points.map(({ what, sender, sent, arrived, changed, note }) =>
    element("tr", { class: changed ? "astra-changed" : "" },
      element("th", { text: what, scope: "row" }),
      element("td", { text: sender }),
      element("td", { text: sent }),
      element("td", {}, element("b", { text: `${markOf(sent, arrived, changed)} ${arrived}` }),
        note ? element("div", { class: "astra-quiet", text: note }) : null)));
  return [head, element("table", {},
    element("thead", {}, element("tr", {}, ...columns.map((text) => element("th", { text, scope: "col" })))),
    element("tbody", {}, ...rows))];
}
