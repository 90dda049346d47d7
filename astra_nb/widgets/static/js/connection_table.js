// The table of connections: peer, path, frames and bytes, round-trip time, and why it closed.

import { element } from "./dom.js";
import { counted, duration, size } from "./format.js";

/**
 * @typedef {[number, number]} Traffic frames and bytes
 * @typedef {{ id: number, peer: string, path: string, state: string, subprotocol: string,
 *   received: Traffic, sent: Traffic, rtt: number | null, why: string }} Connection rtt in seconds
 */

export class ConnectionTable {
  constructor() {
    this.body = element("tbody");
    this.root = element("div", { class: "astra-connections", tabindex: 0, role: "group", "aria-label": "Connections" },
      element("table", {}, element("thead", {}, element("tr", {},
        ...["Conn.", "State", "Peer", "Path", "Received", "Sent", "RTT", "Why it closed"].map(
          (text) => element("th", { text, scope: "col" })))), this.body));
  }

  /** @param {Connection[]} connections */
  show(connections) {
    this.body.replaceChildren(...connections.map((each) => element("tr", {},
      element("th", { text: `#${each.id}`, scope: "row" }),
      element("td", { text: each.state }),
      element("td", { class: "astra-mono", text: each.peer }),
      element("td", { class: "astra-mono" }, element("bdi", { text: each.path })),
      ...[each.received, each.sent].map(([frames, bytes]) =>
        element("td", { text: `${counted(frames, "frame")}, ${size(bytes)}` })),
      element("td", { text: each.rtt === null ? "" : duration(each.rtt) }),
      element("td", { text: each.why || (each.subprotocol && `subprotocol ${each.subprotocol}`) }))));
    if (connections.length === 0) {
      this.body.append(element("tr", {}, element("td", { class: "astra-hint", text: "No connection yet.", colspan: 8 })));
    }
  }
}
