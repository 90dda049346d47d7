// The live view of the frame log: one view of one store. `esm.py` joins this with what it imports,
// because an anywidget's module cannot import a sibling.

import { ConnectionTable } from "./connection_table.js";
import { element, roveFocus, setPressed, setText } from "./dom.js";
import { compileFilter, isFiltering, isLandmark, noFilter } from "./filter.js";
import { Inspector } from "./inspector.js";
import { LiveRegion } from "./live_region.js";
import { isRow } from "./ring.js";
import { RowList } from "./row_list.js";
import { Search, mergeFinds } from "./search.js";
import { Sequence } from "./sequence.js";
import { StatusBar } from "./status_bar.js";
import { CAPACITY, Store } from "./store.js";
import { Toolbar } from "./toolbar.js";

/** @typedef {import("./ring.js").Entry} Entry */

class View {
  /** @param {HTMLElement} el @param {Store} store @param {AbortSignal} signal */
  constructor(el, store, signal) {
    this.store = store;
    this.filter = noFilter();
    this.matcher = compileFilter(this.filter);
    /** @type {Entry[]} */
    this.shown = [];
    this.seen = 0;
    this.cutShown = 0;
    /** Up to which record the list shows while it is paused; undefined while it goes on. */
    this.pausedAt = /** @type {number | undefined} */ (undefined);
    this.stale = false;
    this.tab = "";
    this.frame = 0;
    this.dirty = new Set(["rows", "status"]);

    this.bar = new StatusBar(store);
    const { bridge } = store;
    this.inspector = new Inspector(bridge, {
      onResend: (number) => bridge.request("resend", { number }).catch((problem) => this.#say(problem.message)),
    });
    this.search = new Search((piece) => bridge.request("search", piece), () => this.#rebuild());
    this.list = new RowList({
      onSelect: (row) => this.inspector.show(row),
      onOpen: () => this.inspector.title.focus(),
      onFollow: (follow) => setPressed(this.toolbar.follow, follow),
    });
    this.toolbar = new Toolbar(this.filter, {
      onFilter: () => this.#refilter(),
      onFollow: (follow) => this.list.setFollow(follow),
      onPause: (paused) => {
        this.pausedAt = paused ? store.ring.covered : undefined;
        this.#rebuild();
      },
      onClear: () => this.#clear(),
      onJump: () => this.#jump(),
      onTime: (form) => this.list.setTimeForm(form),
      onColumn: (key, shown) => this.root.classList.toggle(`astra-hide-${key}`, !shown),
    });
    this.sequence = new Sequence((row) => this.inspector.show(row));
    this.connections = new ConnectionTable();
    this.liveRegion = new LiveRegion();
    this.health = element("p", { class: "astra-health", role: "status" });
    this.root = this.#build();
    // The table for readers without a kernel is not for people who have this view.
    const copy = `[data-astra-copy="${CSS.escape(String(store.model.get("copy_key")))}"]`;
    el.append(element("style", { text: `.jp-OutputArea-child:has(${copy}), ${copy} { display: none; }` }), this.root);

    store.listen((change) => {
      if (change === "reset") this.#reset();
      this.#draw(change === "status" || change === "health" ? "status" : "rows");
    }, signal);
    // The controls around are other widgets, which do not show that the kernel is busy.
    const used = (/** @type {Event} */ { target }) => {
      const form = target instanceof Element ? target.closest(".astra-send") : null;
      if (form && form.parentElement?.contains(this.root)) store.nudge();
    };
    for (const kind of ["click", "change"]) document.addEventListener(kind, used, { capture: true, signal });
    const resized = new ResizeObserver(() => this.list.setFollow(this.list.follow));
    resized.observe(this.list.scroller);
    signal.addEventListener("abort", () => {
      resized.disconnect();
      cancelAnimationFrame(this.frame);
      this.bar.stop();
      this.liveRegion.stop();
      this.search.stop();
    });
    this.#draw("rows");
  }

  #build() {
    const prefix = `astra-${Math.random().toString(36).slice(2)}`;
    const parts = { Frames: this.list, Sequence: this.sequence, Connections: this.connections };
    this.tabs = Object.entries(parts).map(([name, { root }]) => ({
      name,
      tab: element("button", {
        class: "astra-tab", text: name, type: "button", role: "tab",
        id: `${prefix}-tab-${name}`, "aria-controls": `${prefix}-pane-${name}`,
        onclick: () => this.#openTab(name),
      }),
      pane: element("div", {
        class: "astra-pane", role: "tabpanel",
        id: `${prefix}-pane-${name}`, "aria-labelledby": `${prefix}-tab-${name}`,
      }, root),
    }));
    const tabs = element("div", { class: "astra-tabs", role: "tablist", "aria-label": "Views of the log" },
      ...this.tabs.map(({ tab }) => tab));
    roveFocus(tabs, "button", (tab) => tab.click());
    const root = element("div", { class: "astra-log astra-hide-key" },
      this.bar.root, this.health, tabs,
      this.toolbar.root,
      element("div", { class: "astra-main" },
        element("div", { class: "astra-panes" }, ...this.tabs.map(({ pane }) => pane)), this.inspector.root),
      this.liveRegion.root);
    this.#openTab("Frames");
    return root;
  }

  /** @param {string} name */
  #openTab(name) {
    this.tab = name;
    for (const { name: each, tab, pane } of this.tabs ?? []) {
      tab.setAttribute("aria-selected", String(each === name));
      tab.setAttribute("tabindex", each === name ? "0" : "-1");
      pane.hidden = each !== name;
    }
    this.toolbar.root.hidden = name === "Connections";
    this.inspector.root.hidden = name === "Connections";
    this.#draw("rows");
    this.#draw("status");
  }

  /** @param {string} part */
  #draw(part) {
    this.dirty.add(part);
    if (this.frame === 0) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.#drawNow();
      });
    }
  }

  #drawNow() {
    const { store } = this;
    if (this.dirty.has("status")) {
      this.toolbar.setConnections(store.connections());
      if (this.tab === "Connections") this.#drawConnections();
      const said = store.health || store.status.note || "";
      setText(this.health, said);
      this.health.hidden = said === "";
    }
    this.bar.draw();
    if (this.dirty.has("rows")) this.#drawRows();
    this.dirty.clear();
  }

  /** Have the kernel sum the connections up; it reads its whole log for that. */
  #drawConnections() {
    this.store.bridge.request("connections", {}).then(
      ({ value }) => this.connections.show(value.connections),
      (problem) => this.#say(problem.message));
  }

  #drawRows() {
    const { ring } = this.store;
    if (this.pausedAt !== undefined && !this.stale) return;
    this.stale = false;
    const fresh = this.#fresh().filter((entry) => this.#passes(entry));
    this.shown = this.shown.concat(fresh);
    this.#cut(ring.entries[0]?.number ?? Infinity);
    this.search.more();
    this.list.origin = this.store.origin;
    if (this.tab === "Frames") this.list.show(this.shown, this.cutShown, this.#whyEmpty());
    if (this.tab === "Sequence") this.sequence.show(this.shown, this.store.origin);
    this.liveRegion.add(fresh.filter(isRow));
  }

  /** The entries that were not looked at yet; while paused, none that came later. */
  #fresh() {
    const { entries, dropped } = this.store.ring;
    const fresh = entries.slice(Math.max(0, this.seen - dropped));
    this.seen = dropped + entries.length;
    const { pausedAt } = this;
    return pausedAt === undefined ? fresh : fresh.filter(({ number }) => number <= pausedAt);
  }

  /** @param {Entry} entry */
  #passes(entry) {
    return this.matcher.test(entry)
      || (entry.kind !== "gap" && this.search.finds.has(entry.number) && this.matcher.others(entry));
  }

  /**
   * Rows that left the ring leave the list too; with a filter they stay, as there are few.
   * @param {number} oldest number in the ring
   */
  #cut(oldest) {
    const gone = isFiltering(this.filter)
      ? Math.max(0, this.shown.length - CAPACITY)
      : this.shown.findIndex((entry) => entry.number >= oldest);
    const cut = gone < 0 ? this.shown.length : gone;
    this.shown.splice(0, cut);
    this.cutShown += cut;
  }

  #whyEmpty() {
    if (this.matcher.error) return this.matcher.error;
    if (isFiltering(this.filter)) return "No row matches the filter.";
    return this.store.status.state === "listening"
      ? "Nothing yet. Send something from below, or let a client connect."
      : "Nothing yet.";
  }

  #refilter() {
    this.matcher = compileFilter(this.filter);
    setText(this.toolbar.problem, this.matcher.error);
    this.search.start(this.filter);
    this.#rebuild();
  }

  /** Make the list again, of what the page has and of what the kernel found. */
  #rebuild() {
    const { ring } = this.store;
    const before = this.list.topIndex();
    const top = this.shown[before]?.number ?? 0;
    this.seen = ring.dropped;
    const shown = this.#fresh().filter((entry) => this.#passes(entry));
    const present = new Set(ring.entries.filter(isRow).map(({ number }) => number));
    const until = this.pausedAt ?? Infinity;
    const finds = [...this.search.finds.values()].filter(({ row }) => row.number <= until);
    this.shown = mergeFinds(shown, present, finds);
    this.list.contexts = new Map(finds.filter(({ row, context }) => context !== "" && !this.matcher.test(row))
      .map(({ row, context }) => [row.number, context]));
    // What is being read stays where it is.
    const after = this.shown.findIndex(({ number }) => number >= top);
    if (after >= 0) this.cutShown += before - after;
    setText(this.toolbar.searched, this.search.sentence);
    this.stale = true;
    this.#draw("rows");
  }

  #clear() {
    this.store.ring.clear();
    this.search.floor = this.store.ring.covered;
    if (this.pausedAt !== undefined) this.pausedAt = this.store.ring.covered;
    this.inspector.clear();
    this.list.selected = 0;
    this.#refilter();
  }

  /** The kernel's log is another one now. */
  #reset() {
    this.search.floor = 0;
    if (this.pausedAt !== undefined) this.pausedAt = 0;
    this.#refilter();
  }

  #jump() {
    const from = this.list.selectedIndex();
    const next = this.shown.findIndex((entry, index) => index > from && isLandmark(entry));
    const target = next >= 0 ? next : this.shown.findIndex(isLandmark);
    if (target >= 0) this.list.select(target);
    this.list.scroller.focus();
  }

  /** @param {string} sentence */
  #say(sentence) {
    setText(this.health, sentence);
    this.health.hidden = false;
  }
}

/** @type {import("@anywidget/types").AnyWidget<import("./store.js").Traits>} */
export default () => {
  /** @type {Store | undefined} */
  let store;
  return {
    initialize({ model, signal }) {
      store = new Store(model, signal);
    },
    render({ model, el, signal }) {
      store ??= new Store(model, signal);
      void new View(el, store, signal);
    },
  };
};
