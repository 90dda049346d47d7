// The filter box, the chips, and what the list does: follow, pause, clear, jump.

import { button, element, roveFocus, setPressed, toggle } from "./dom.js";
import { CHIPS } from "./filter.js";
import { COLUMNS } from "./row_list.js";

/**
 * @typedef {import("./filter.js").Filter} Filter
 * @typedef {import("./row_list.js").TimeForm} TimeForm
 * @typedef {object} ToolbarHandlers
 * @property {() => void} onFilter
 * @property {(follow: boolean) => void} onFollow
 * @property {(paused: boolean) => void} onPause
 * @property {() => void} onClear
 * @property {() => void} onJump
 * @property {(form: TimeForm) => void} onTime
 * @property {(key: string, shown: boolean) => void} onColumn
 */

const TIME_FORMS = {
  relative: "time since start", delta: "time since the row above", absolute: "clock time",
};

export class Toolbar {
  /**
   * @param {Filter} filter changed in place
   * @param {ToolbarHandlers} handlers
   */
  constructor(filter, handlers) {
    this.filter = filter;
    this.handlers = handlers;
    this.text = element("input", {
      class: "astra-field", type: "search", spellcheck: "false",
      placeholder: "Filter by text", "aria-label": "Filter rows by text",
      oninput: () => { filter.text = this.text.value; handlers.onFilter(); },
    });
    const regex = toggle(".*", "Read the filter as a regular expression", false, (on) => {
      filter.regex = on;
      handlers.onFilter();
    });
    this.problem = element("span", { class: "astra-problem", role: "status" });
    this.searched = element("span", { class: "astra-searched", role: "status" });
    const chips = element("div", { class: "astra-chips", role: "group", "aria-label": "Show only these types" },
      ...CHIPS.map(([name, title]) => toggle(name, title, false, (on) => {
        if (on) filter.chips.add(name);
        else filter.chips.delete(name);
        handlers.onFilter();
      }, `astra-chip astra-t-${name}`)));
    const directions = element("div", { class: "astra-chips", role: "group", "aria-label": "Show only this direction" },
      ...this.#directions());
    roveFocus(chips, "button");
    roveFocus(directions, "button");
    this.connection = element("select", {
      class: "astra-select", "aria-label": "Show only this connection",
      onchange: () => { filter.connection = Number(this.connection.value); handlers.onFilter(); },
    }, element("option", { text: "all connections", value: 0 }));
    this.follow = toggle("Follow", "Keep the newest row in sight; scrolling up lets go", true, handlers.onFollow);
    this.pause = toggle("Pause", "Hold the list still; records go on to be logged", false, (on) => {
      this.pause.textContent = on ? "Paused" : "Pause";
      handlers.onPause(on);
    });
    const jump = button("Next \u2691", "Jump to the next control frame, refusal, end or error", handlers.onJump);
    const clear = button("Clear", "Empty this view; server.log keeps its records", handlers.onClear);
    const time = element("select", {
      class: "astra-select", "aria-label": "Form of the time column", title: "Form of the time column",
      onchange: () => handlers.onTime(/** @type {TimeForm} */ (time.value)),
    }, ...Object.entries(TIME_FORMS).map(([value, text]) => element("option", { text, value })));
    this.root = element("div", {
      class: "astra-toolbar", role: "toolbar", "aria-label": "Log view",
      // Typed keys are text, not shortcuts of the notebook around.
      onkeydown: (event) => { if (event.target.matches("input, select")) event.stopPropagation(); },
    },
      this.text, regex, chips, directions, this.connection, this.problem,
      element("div", { class: "astra-tools" }, this.follow, this.pause, jump, clear, time, this.#columnMenu()),
      this.searched);
  }

  #directions() {
    /** @type {["received" | "sent", string][]} */
    const both = [["received", "\u2193 received"], ["sent", "\u2191 sent"]];
    const made = both.map(([direction, label]) => toggle(label, `Show only what this end ${direction}`, false, (on) => {
      this.filter.direction = on ? direction : "";
      made.forEach((other, index) => setPressed(other, on && both[index]?.[0] === direction));
      this.handlers.onFilter();
    }, "astra-chip"));
    return made;
  }

  #columnMenu() {
    const boxes = COLUMNS.filter(({ option }) => option !== "").map(({ key, option }) => {
      const box = element("input", {
        type: "checkbox", checked: key !== "key",
        onchange: () => this.handlers.onColumn(key, box.checked),
      });
      return element("label", {}, box, ` ${option}`);
    });
    const menu = element("details", {
      class: "astra-menu",
      onkeydown: (event) => {
        if (event.key === "Escape") {
          menu.open = false;
          /** @type {HTMLElement} */ (menu.firstElementChild).focus();
          event.stopPropagation();
        }
      },
      onfocusout: (event) => {
        if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) menu.open = false;
      },
    }, element("summary", { class: "astra-button", text: "Columns", title: "Choose the columns" }),
    element("div", { class: "astra-menu-list", role: "group", "aria-label": "Columns" }, ...boxes));
    return menu;
  }

  /** @param {{ id: number, peer: string }[]} connections */
  setConnections(connections) {
    const wanted = ["0", ...connections.map(({ id }) => String(id))];
    const present = [...this.connection.options].map((option) => option.value);
    if (wanted.join() === present.join()) return;
    const chosen = this.connection.value;
    this.connection.replaceChildren(
      element("option", { text: "all connections", value: 0 }),
      ...connections.map(({ id, peer }) => element("option", { text: `#${id} ${peer}`, value: id })));
    this.connection.value = wanted.includes(chosen) ? chosen : "0";
    this.filter.connection = Number(this.connection.value);
  }
}
