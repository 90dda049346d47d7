// The status bar: state, address, counts and the plot of the last minute.

import { element, setText } from "./dom.js";
import { counted, duration, grouped, size } from "./format.js";
import { polyline } from "./rates.js";

/** @typedef {import("./store.js").Store} Store */

const WIDTH = 120;
const HEIGHT = 22;
const SVG = "http://www.w3.org/2000/svg";

const STATES = /** @type {Record<string, string>} */ ({
  listening: "listening",
  stopped: "not running",
  log: "a log",
  gone: "as last seen",
  "": "waiting for the kernel",
});

export class StatusBar {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.dot = element("span", { class: "astra-dot", "aria-hidden": "true" });
    this.state = element("b", { class: "astra-state" });
    this.address = element("code", { class: "astra-address" });
    this.open = element("span", { class: "astra-figure-count" });
    this.frames = element("span", { class: "astra-figure-count" });
    this.dropped = element("span", { class: "astra-figure-count", title: "Records no longer in server.log: it keeps the newest" });
    this.rtt = element("span", { class: "astra-figure-count", title: "Newest time from a PING to its PONG" });
    this.rate = element("span", { class: "astra-rate" });
    this.line = document.createElementNS(SVG, "polyline");
    const plot = document.createElementNS(SVG, "svg");
    plot.setAttribute("class", "astra-plot");
    plot.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    plot.setAttribute("role", "img");
    this.plotTitle = document.createElementNS(SVG, "title");
    plot.append(this.plotTitle, this.line);
    this.root = element("div", { class: "astra-status" },
      this.dot, this.state, this.address, this.open, this.frames, this.rtt, this.dropped,
      element("span", { class: "astra-spring" }), this.rate, plot);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.again = undefined;
  }

  draw() {
    const { status, ring, rates, relations } = this.store;
    const state = this.store.bridge.state === "gone" ? "gone" : status.state;
    this.root.dataset.state = state;
    setText(this.state, STATES[state] ?? state);
    setText(this.address, status.url);
    setText(this.open, `${counted(status.open.length, "connection")} open`);
    setText(this.frames, counted(ring.covered, "record"));
    setText(this.dropped, status.dropped ? `${grouped(status.dropped)} dropped` : "");
    const newest = [...relations.roundTrips.values()].at(-1);
    setText(this.rtt, newest === undefined ? "" : `RTT ${duration(newest)}`);
    this.drawRates(rates);
  }

  /** @param {import("./rates.js").Rates} rates */
  drawRates(rates) {
    const now = Date.now() / 1000;
    const minute = rates.lastMinute(now);
    const values = minute.map(({ records }) => records);
    this.line.setAttribute("points", polyline(values, WIDTH, HEIGHT));
    const last = minute.at(-2) ?? { records: 0, bytes: 0 };
    setText(this.rate, `${grouped(last.records)}/s  ${size(last.bytes)}/s`);
    setText(this.plotTitle, `Records per second in the last minute: now ${grouped(last.records)}, at most ${grouped(Math.max(...values))}`);
    // The plot moves on only while there is something in it to move.
    clearTimeout(this.again);
    if (values.some((value) => value > 0)) this.again = setTimeout(() => this.drawRates(rates), 1000);
  }

  stop() {
    clearTimeout(this.again);
  }
}
