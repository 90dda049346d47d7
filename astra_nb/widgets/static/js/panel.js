// The panel: one view of one store. `esm.py` joins this with what it imports, because an anywidget's
// module cannot import a sibling.

import { AddressView } from "./address_view.js";
import { Composer } from "./composer.js";
import { Connections } from "./connections.js";
import { button, element, isOther, setPressed, setText, toggle } from "./dom.js";
import { Finder, isFiltering, queryOf } from "./finder.js";
import { counted, grouped, messageOf } from "./format.js";
import { Inspector } from "./inspector.js";
import { listOfKeys, pressed } from "./keys.js";
import { RowList } from "./list.js";
import { LiveRegion } from "./live_region.js";
import { Store } from "./store.js";
import { StatusBar, Toolbar } from "./toolbar.js";

const CONNECTIONS_MS = 1000; // between two looks at the connections while they are shown

export class View {
  /** @param {HTMLElement} el @param {Store} store @param {AbortSignal} signal */
  constructor(el, store, signal) {
    this.store = store;
    this.tab = "Frames";
    this.floor = 0; // the view was cleared there
    /** Up to which record the list shows while it is paused; Infinity while it goes on. */
    this.until = Infinity;
    this.seen = 0; // the newest record that was in sight
    this.landing = 0; // the record to choose when the search has found it
    this.frame = 0;
    this.bar = new StatusBar(store, (tab) => this.openTab(tab), () => this.error(1));
    this.finder = new Finder(store.bridge, () => this.#draw());
    this.toolbar = new Toolbar(this);
    this.list = new RowList(store, {
      onSelect: (number) => this.#select(number),
      onCompare: (number) => this.inspector.compareWith(() => this.list.choose(number)),
      onConnection: (connection) => this.follow(connection),
      onFollow: (follow) => { setPressed(this.toolbar.follow, follow); this.#draw(); },
      onScroll: () => this.#drawFresh(),
      onSight: (rows) => store.bridge.notify("sight", { rows }),
      fetch: (numbers) => store.fetch(numbers, queryOf(this.finder.filter)),
    });
    this.inspector = new Inspector(this);
    this.connections = new Connections((connection, end) => this.follow(connection, end));
    this.composer = new Composer(store);
    this.live = new LiveRegion();
    this.note = element("span");
    this.leave = button("Show the live log", "Leave the file", () => this.load(""));
    this.health = element("p", { class: "astra-health", role: "status" }, this.note, this.leave);
    this.notice = element("p", { class: "astra-notice" });
    this.fresh = button("", "Go to the newest row", () => this.list.setFollow(true), "astra-fresh");
    this.address = toggle("", "Which address this page reaches", false, (on) => { this.addresses.hidden = !on; }, "astra-bare astra-where");
    this.addresses = element("div", { class: "astra-where-list", hidden: true });
    this.keys = listOfKeys();
    this.bar.root.querySelector(".astra-end")?.append(this.address);
    this.main = element("div", { class: "astra-body" }, element("div", { class: "astra-pane" }, this.list.root, element("div", { class: "astra-over-head" }, this.notice, this.toolbar.found, this.fresh)), this.inspector.root);
    this.root = element("div", {
      class: "astra-console", "data-lm-suppress-shortcuts": "true", onkeydown: (event) => pressed(this, event),
    }, this.bar.root, this.health, this.addresses, this.toolbar.root, this.main, this.connections.root, this.composer.root, this.keys, this.live.root);
    // The table for readers without a kernel is not for people who have this view.
    const copy = `[data-astra-copy="${CSS.escape(String(store.model.get("copy_key")))}"]`;
    el.append(element("style", { text: `.jp-OutputArea-child:has(${copy}), ${copy} { display: none; }` }), this.root);
    this.#showAddresses(signal);
    const bits = () => this.showBits(store.model.get("bits"));
    bits();
    store.model.on("change:bits", bits);
    store.listen((change) => this.#changed(change), signal);
    const resized = new ResizeObserver(() => this.list.resize());
    resized.observe(this.list.scroller);
    signal.addEventListener("abort", () => {
      store.model.off("change:bits", bits);
      resized.disconnect();
      cancelAnimationFrame(this.frame);
      clearInterval(this.timer);
      this.bar.stop();
      this.finder.stop();
    });
    this.openTab("Frames");
    this.#changed("status");
    this.#changed("said");
  }

  /** @param {AbortSignal} signal */
  #showAddresses(signal) {
    const { model, bridge } = this.store;
    this.address.hidden = !model.get("addresses")?.url;
    if (this.address.hidden) return;
    const view = new AddressView(model, bridge, signal, ({ result, sign, state }) => {
      setText(this.address, result ? `${sign} this page`.trim() : "this page \u2026");
      this.address.dataset.state = state;
    });
    this.addresses.append(view.root);
  }

  /** @param {import("./store.js").Change} change */
  #changed(change) {
    if (change === "said") this.composer.drawSaid();
    else if (change === "health") {
      const { store } = this;
      setText(this.note, store.health || store.status.note);
      this.leave.hidden = store.health !== "" || !store.status.file;
      this.health.hidden = this.note.textContent === "";
      this.bar.draw();
    } else if (change === "status") {
      this.toolbar.setConnections(this.store.status.connections);
      this.composer.drawTargets();
      this.#draw();
      this.#changed("health");
    } else {
      if (change === "reset") {
        this.floor = 0;
        this.seen = 0;
        if (this.until !== Infinity) this.until = 0;
        this.list.chosen = 0;
        this.list.contexts.clear();
        this.list.lanes = [];
        this.list.unfit();
        this.inspector.pin();
        this.close();
        this.finder.start();
      }
      this.finder.more();
      this.#draw();
    }
  }

  /** @param {string} name */
  openTab(name) {
    this.tab = name;
    this.bar.tabs.select(name);
    this.root.dataset.tab = name;
    this.main.hidden = name === "Connections";
    this.connections.root.hidden = name !== "Connections";
    this.list.asSequence = name === "Sequence";
    clearInterval(this.timer);
    if (name === "Connections") {
      const look = () => this.store.bridge.request("connections", {}).then(({ connections, now }) => {
        Object.assign(this.connections, { all: connections, now, origin: this.store.origin });
        this.connections.draw();
      }, () => {});
      void look();
      this.timer = setInterval(look, CONNECTIONS_MS);
    } else {
      this.list.resize();
      this.list.draw(true);
      this.#draw();
    }
  }

  /** Leave the table of connections: what happens in the list is to be seen. */
  showList() {
    if (this.tab !== "Connections") return;
    this.openTab("Frames");
    this.#drawNow(); // with the rows that came, or were filtered, while it was hidden
  }

  #draw() {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.#drawNow();
    });
  }

  #drawNow() {
    const { store, finder, list, toolbar } = this;
    this.bar.draw();
    toolbar.drawFound(finder);
    const whole = finder.found ?? store.spans;
    const index = this.floor === 0 && this.until === Infinity ? whole : whole.clip(this.floor, this.until);
    list.askContexts = finder.filter.text !== "";
    list.only = finder.filter.connection;
    if (this.tab !== "Connections") list.show(index, this.#whyEmpty(index.length));
    if (this.landing && finder.done) this.#land();
    this.#drawFresh();
    const paused = this.until !== Infinity;
    const waiting = paused ? store.last - this.until : 0;
    setText(/** @type {Element} */ (toolbar.waiting.previousElementSibling), paused ? (waiting > 0 ? "Paused, " : "Paused") : "Pause");
    setText(toolbar.waiting, paused && waiting > 0 ? `${grouped(waiting)} waiting` : "");
    const said = [
      store.dropped && list.top < 3 ? `${counted(store.dropped, "older frame")} dropped: the log keeps the newest.` : "",
      this.floor ? `Cleared up to ${grouped(this.floor)}.` : "",
    ].filter((each) => each !== "").join(" ");
    if (isOther(this.notice, said)) {
      this.notice.replaceChildren(element("span", { text: said, title: said }), ...(this.floor ? [button("Undo", "Show the cleared rows again", () => { this.floor = 0; this.#draw(); })] : []));
      this.notice.hidden = said === "";
    }
    this.live.follow(store, paused);
    list.settle();
  }

  /** Show how many rows came that were not in sight yet. */
  #drawFresh() {
    const { list, fresh } = this;
    const { index } = list;
    this.seen = Math.max(this.seen, list.follow ? index.at(index.length - 1) ?? 0 : list.bottom);
    const waiting = index.length - index.indexOf(this.seen + 1);
    fresh.hidden = this.until !== Infinity || waiting <= 0 || list.follow;
    setText(fresh, `\u2193 ${grouped(waiting)} new`);
  }

  /** @param {number} rows that are shown */
  #whyEmpty(rows) {
    const { finder, store } = this;
    const { state, total, sends } = store.status;
    const nobody = state === "listening" && total === 0 ? `No client has connected yet: let one connect to the address above${sends ? ", or press Connect\u2026 below" : ""}.` : "";
    if (rows > 0) return rows < 3 && !isFiltering(finder.filter) ? nobody : "";
    if (finder.problem) return finder.problem;
    if (isFiltering(finder.filter)) return finder.done ? "No row matches the filter." : "Searching ...";
    if (this.floor) return "Nothing since the view was cleared.";
    return nobody || "Nothing yet.";
  }

  /** The filter has changed. */
  filter() {
    this.landing = 0;
    this.list.contexts.clear();
    this.list.asked.clear();
    if (this.tab === "Connections") {
      this.connections.filter = this.finder.filter.text;
      this.connections.draw();
    }
    this.finder.start();
    this.#draw();
  }

  /** Show only one connection, and why it ended. @param {number} connection @param {number} [end] number of its last record */
  follow(connection, end = 0) {
    const { filter } = this.finder;
    filter.connection = filter.connection === connection && this.tab !== "Connections" ? 0 : connection;
    this.toolbar.connection.value = String(filter.connection);
    if (connection) this.composer.suggest(connection);
    this.showList();
    this.filter();
    this.landing = end;
  }

  #land() {
    const { landing, list } = this;
    this.landing = 0;
    if (list.index.at(list.index.indexOf(landing)) !== landing) return;
    this.inspector.tab = "Why";
    list.choose(landing);
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.until = paused ? this.store.last : Infinity;
    this.#draw();
  }

  clear() {
    this.floor = this.store.last;
    this.close();
    this.list.chosen = 0;
    this.#draw();
  }

  /** Show the columns FIN, RSV and MASK. @param {boolean} shown */
  showBits(shown) {
    this.toolbar.bits = shown;
    this.root.classList.toggle("astra-with-bits", shown);
    this.list.draw(true);
  }

  /** @param {import("./list.js").TimeForm} form */
  time(form) {
    this.toolbar.time = form;
    this.list.timeForm = form;
    this.list.unfit();
    this.list.zero = this.store.rows.get(this.list.chosen)?.time ?? this.store.origin;
    this.list.draw(true);
  }

  /** Go to the next or the previous error. @param {number} step */
  error(step) {
    this.showList();
    const { errors } = this.store;
    const shown = (/** @type {number} */ number) => this.list.index.at(this.list.index.indexOf(number)) === number;
    const from = this.list.chosen;
    const found = step > 0 ? errors.find((number) => number > from && shown(number)) ?? errors.find(shown)
      : errors.findLast((number) => (from === 0 || number < from) && shown(number)) ?? errors.findLast(shown);
    if (found !== undefined) this.list.choose(found);
    else this.store.say(errors.length === 0 ? "There is no error in the log." : "The filter hides the errors.");
    this.list.scroller.focus();
  }

  /** @param {number} number */
  async #select(number) {
    if (!this.store.rows.has(number)) await this.store.fetch([number], queryOf(this.finder.filter)).catch(() => {});
    const row = this.store.rows.get(number);
    if (!row || this.list.chosen !== number) return;
    if (row.connection) this.composer.suggest(row.connection);
    if (this.list.index.at(this.list.index.indexOf(number)) !== number) this.store.say(`Row ${number} is not among the rows that the list shows now.`);
    const opened = this.inspector.root.hidden;
    this.inspector.show(row);
    this.root.classList.add("astra-inspecting");
    if (opened) {
      requestAnimationFrame(() => {
        this.list.resize(); // the inspector has taken a part of its height
        this.list.reveal(this.list.index.indexOf(number));
        this.list.draw();
        this.list.settle();
      });
    }
  }

  close() {
    const focused = this.inspector.root.contains(document.activeElement);
    this.inspector.close();
    this.root.classList.remove("astra-inspecting");
    if (focused) this.list.scroller.focus({ preventScroll: true });
  }

  async edit() {
    const row = this.store.rows.get(this.list.chosen);
    if (row?.kind !== "frame") return this.store.say("Choose a frame first.", true);
    try {
      const { text } = await this.store.bridge.request("copy", { number: row.number, form: row.type === "text" ? "payload" : "hex" });
      const from = `Frame ${row.number} was sent by the ${row.sender} on #${row.connection}`;
      this.composer.edit(text, row.type === "text" ? "text" : "hex", row.type, from);
    } catch (problem) {
      this.store.say(messageOf(problem), true);
    }
  }

  /** Write the log to a file. @param {string} form */
  save(form) {
    this.#said(this.store.bridge.request("save", { form }, { timeout: 120_000 }));
  }

  /** Show a file in place of the live log, or that again. @param {string} path "" for the live log */
  load(path) {
    this.#said(this.store.bridge.request("load", { path }, { timeout: 120_000 }));
  }

  /** Show why something could not be done. @param {Promise<unknown>} asked */
  #said(asked) {
    asked.catch((problem) => this.store.say(messageOf(problem), true));
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
