// The status bar with its tabs, and the one line of tools above the list.

import { stateWord } from "./connections.js";
import { button, choice, choices, element, group, icon, isOther, menu, roveFocus, setPressed, setText, svgElement, tabList, toggle, word } from "./dom.js";
import { CHIPS } from "./finder.js";
import { counted, grouped } from "./format.js";
import { polyline } from "./rates.js";
import { duration } from "./rows.js";

const [WIDTH, HEIGHT] = [96, 20];
const STATES = /** @type {Record<string, string>} */ ({
  listening: "listening", stopped: "not running", open: "connected", closed: "closed", log: "a log",
  gone: "kernel gone", "": "waiting for the kernel",
});
const TIME_FORMS = /** @type {[import("./list.js").TimeForm, string][]} */ ([
  ["relative", "since the start"], ["delta", "since the row above"], ["absolute", "of day"], ["chosen", "relative to the chosen row"],
]);

export class StatusBar {
  /** @param {import("./store.js").Store} store @param {(tab: string) => void} onTab @param {() => void} onErrors */
  constructor(store, onTab, onErrors) {
    this.store = store;
    this.state = element("b", { class: "astra-state" });
    this.address = element("code", { class: "astra-address", title: "Address for clients in the kernel" });
    const count = () => element("span", { class: "astra-quiet" });
    this.counts = { Frames: count(), Sequence: count(), Connections: count() };
    this.tabs = tabList("Views of the log", Object.keys(this.counts), onTab);
    this.tabs.tabs.forEach((tab, at) => tab.append(Object.values(this.counts)[at] ?? ""));
    this.errorCount = element("b");
    this.errors = element("button", { class: "astra-errors", type: "button", title: "Next error (n)", onclick: onErrors }, icon("bad"), this.errorCount);
    this.trip = element("span", { class: "astra-stat astra-trip", title: "Latest time from a PING of this end to its PONG" });
    this.dropped = element("span", { class: "astra-stat astra-dropped", title: "Records that are no longer in the log: it keeps the newest" });
    this.rate = element("span", { class: "astra-stat astra-rate" });
    this.line = svgElement("polyline", {});
    this.plotTitle = svgElement("title", {});
    const plot = svgElement("svg", { class: "astra-plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" }, this.plotTitle, this.line);
    this.root = element("div", { class: "astra-status" },
      element("span", { class: "astra-end" }, element("span", { class: "astra-dot", "aria-hidden": "true" }), this.state, this.address), this.tabs.root,
      this.errors, element("span", { class: "astra-figures" }, this.dropped, this.trip, this.rate, plot));
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.again = undefined;
  }

  draw() {
    const { status, bridge, errors, spans, dropped, roundTrip } = this.store;
    const state = bridge.state === "gone" ? "gone" : status.state;
    this.root.dataset.state = state;
    setText(this.state, STATES[state] ?? state);
    setText(this.address, status.url);
    setText(this.counts.Frames, grouped(spans.length));
    setText(this.counts.Connections, `${grouped(status.open)} open`);
    this.errors.hidden = errors.length === 0;
    setText(this.errorCount, counted(errors.length, "error"));
    setText(this.dropped, dropped ? `${grouped(dropped)} dropped` : "");
    setText(this.trip, roundTrip ? `RTT ${duration(roundTrip)}` : "");
    if (this.again === undefined) this.drawRates();
  }

  drawRates() {
    const { rates } = this.store;
    const values = rates.lastMinute(Date.now() / 1000);
    this.line.setAttribute("points", polyline(values, WIDTH, HEIGHT));
    const last = values.at(-2) ?? 0;
    setText(this.rate, `${grouped(last)}/s`);
    setText(this.plotTitle, `Records per second in the last minute: now ${grouped(last)}, at most ${grouped(Math.max(...values))}`);
    // The plot moves on only while there is something in it to move.
    clearTimeout(this.again);
    this.again = values.some((value) => value > 0) ? setTimeout(() => this.drawRates(), 1000) : undefined;
  }

  stop() {
    clearTimeout(this.again);
  }
}

const ALL = /** @type {[number, string]} */ ([0, "all connections"]);
const SAVED = /** @type {[string, string, string][]} */ ([
  ["jsonl", "JSON Lines", "Write the whole log to a file beside the notebook"],
  ["har", "HAR", "For the network panel of a browser, and for Playwright"],
  ["pcapng", "pcapng", "For Wireshark"],
  ["html", "one HTML page", "The panel and the log; needs no kernel and no network"],
]);

export class Toolbar {
  /** @param {import("./panel.js").View} panel */
  constructor(panel) {
    const { filter } = panel.finder;
    this.panel = panel;
    this.bits = false;
    /** @type {import("./list.js").TimeForm} */
    this.time = "relative";
    this.text = element("input", {
      type: "search", spellcheck: "false", placeholder: "Filter (/)", "aria-label": "Filter all records by text", class: "astra-filter",
      oninput: () => { filter.text = this.text.value; panel.filter(); },
    });
    const regex = toggle(".*", "Read the filter as a regular expression", false, (on) => { filter.regex = on; panel.filter(); }, "astra-in");
    this.found = element("span", { class: "astra-found", role: "status" });
    this.chips = new Map(CHIPS.map(([name, title]) => [name, toggle(name, title, false, (on) => {
      if (on) filter.chips.add(name);
      else filter.chips.delete(name);
      panel.filter();
    }, `astra-chip astra-t-${name}`)]));
    const chips = group("Types", [...this.chips.values()], "astra-chips");
    const types = menu("Types", "Types", () => [...this.chips.values()].map((chip) => this.#choice(chip.textContent ?? "", chip.getAttribute("aria-pressed") === "true", () => chip.click())));
    types.classList.add("astra-types");
    const ways = /** @type {["received" | "sent", string][]} */ ([["received", "down"], ["sent", "up"]]).map(([way, sign]) => {
      const made = toggle("", `${way} only`, false, (on) => {
        filter.direction = on ? way : "";
        for (const other of ways) setPressed(other, on && other === made);
        panel.filter();
      }, "astra-icon-button", { sign, "aria-label": `${way} only` });
      return made;
    });
    this.connection = choice("Connection", [ALL], {
      class: "astra-connection",
      onchange: () => { filter.connection = Number(this.connection.value); panel.filter(); },
    });
    this.errors = toggle("errors", "Refused frames and handshakes, errors of handlers, abnormal ends", false, (on) => { filter.errors = on; panel.filter(); }, "astra-chip astra-t-error");
    const step = (/** @type {number} */ by, /** @type {string} */ name, /** @type {string} */ key) =>
      button("", `${name} error (${key})`, () => panel.error(by), "astra-icon-button",
        { sign: by > 0 ? "below" : "above", "aria-label": `${name} error` });
    this.follow = toggle(word("Follow"), "Keep the newest row in sight (g); scrolling up stops that",
      true, (on) => panel.list.setFollow(on), "", { sign: "follow", "aria-label": "Follow" });
    this.pause = toggle(word("Pause"), "Hold the list still (p); records are still logged",
      false, (on) => panel.pause(on), "", { sign: "pause", "aria-label": "Pause" });
    this.waiting = element("span", { class: "astra-waits" });
    this.pause.append(this.waiting);
    this.save = menu("Save", "Save and open", () => [
      element("h4", { text: "Save the whole log" }), ...SAVED.map(([form, name, title]) => button(`Save as ${name} (.${form})`, title, () => panel.save(form))),
      element("h4", { text: "Open a file instead" }), this.#opener(), button("Show the live log", "Leave the file", () => panel.load("")),
    ], "save");
    const columns = menu("Columns", "Columns and times", () => [
      element("h4", { text: "Columns" }), this.#choice("FIN RSV MASK", this.bits, (on) => panel.showBits(on)),
      element("h4", { text: "Time" }), ...TIME_FORMS.map(([form, name]) => this.#choice(name, this.time === form, () => panel.time(form))),
      element("h4", { text: "View" }), button("Clear this view", "Empty this view; the log keeps its records", () => panel.clear()),
    ], "columns");
    this.root = element("div", { class: "astra-tools", role: "toolbar", "aria-label": "Filter and view" },
      element("span", { class: "astra-find" }, icon("find"), this.text, regex),
      chips, types, group("Direction", ways, "astra-ways"), this.connection,
      group("Errors", [step(-1, "Previous", "N"), this.errors, step(1, "Next", "n")]),
      element("span", { class: "astra-spring" }), this.follow, this.pause, this.save, columns);
    roveFocus(this.root, "button, summary");
  }

  /** Open the Save menu, with its first choice focused. */
  openSave() {
    // It is filled when it opens, and this comes after that.
    this.save.addEventListener("toggle", () => /** @type {HTMLElement | null} */ (this.save.querySelector(".astra-menu-list button"))?.focus(), { once: true });
    this.save.open = true;
  }

  #opener() {
    const field = element("input", { class: "astra-field", placeholder: "file.jsonl, .har, .pcapng", "aria-label": "File to open", onkeydown: (event) => { if (event.key === "Enter") this.panel.load(field.value); } });
    return element("div", { class: "astra-open-file" }, field, button("Open", "Show a file of the kernel's folder in this panel", () => this.panel.load(field.value)));
  }

  /** @param {string} name @param {boolean} on @param {(on: boolean) => void} onChange */
  #choice(name, on, onChange) {
    const tick = element("span", { class: "astra-tick", "aria-hidden": "true", text: on ? "\u2713" : "" });
    const made = button(tick, "", () => onChange(!on), "", { "aria-pressed": String(on) });
    made.append(name);
    return made;
  }

  /** @param {import("./finder.js").Finder} finder */
  drawFound(finder) {
    const said = finder.problem || finder.sentence;
    if (!setText(this.found, said)) return;
    this.found.title = said;
    this.found.classList.toggle("astra-wrong", finder.problem !== "");
  }

  /** @param {import("./bridge.js").Status["connections"]} connections */
  setConnections(connections) {
    const wanted = connections.map(([id, path, who, state]) => /** @type {[number, string]} */ ([id, `#${id} ${path}${state === "open" ? "" : ` ${stateWord(state)}`}${who ? ` \u00b7 ${who}` : ""}`]));
    if (!isOther(this.connection, wanted)) return;
    this.connection.replaceChildren(...choices([ALL, ...wanted]));
    this.connection.value = String(this.panel.finder.filter.connection);
    if (this.connection.selectedIndex < 0) this.connection.value = "0";
  }
}
