// What one page knows of one log: how far it goes, rows by number, errors, the ends, the kernel.

import { Bridge } from "./bridge.js";
import { messageOf } from "./format.js";
import { Spans } from "./numbers.js";
import { Rates } from "./rates.js";
import { readRows } from "./rows.js";

const KEPT_ROWS = 6000;
const KEPT_ERRORS = 10_000;
// A page is not told of a restart of the kernel, so it asks now and then; ever more rarely while
// there is no answer.
const HEARTBEAT_MS = 10_000;
const LONGEST_HEARTBEAT_MS = 120_000;
const HEALTH = {
  answering: "",
  silent: "The kernel does not answer just now. If a cell runs, clicks wait until it ends, "
    + "and frames are shown all the same. If the kernel was restarted, run this panel's cell again.",
  gone: "The kernel of this panel is gone: this is the log as it was last seen. "
    + "Run the panel's cell again.",
};

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./bridge.js").Status} Status
 * @typedef {import("./bridge.js").Said} Said
 * @typedef {{ code: number, name: string, sent: boolean, says: string }} Code
 * @typedef {{ first: number, last: number, says: string }} CodeRange
 * @typedef {{ name: string, stage: "request" | "frame" | "conduct", says: string, sends: { server?: string, client?: string } }} Rule `sends` in hex, by the ends that can break it
 * @typedef {{ codes: Code[], ranges: CodeRange[], rules: Rule[], formats: string[], max_reason: number, drawing: { dashes: string, received: string, sent: string } }} Catalog
 * @typedef {{ snapshot: any, catalog: Catalog, copy_key: string, bits: boolean, addresses: import("./address_check.js").Addresses }} Traits
 * @typedef {Pick<import("@anywidget/types").AnyModel<Traits>, "get" | "send" | "on" | "off">} Model
 * @typedef {"rows" | "status" | "said" | "reset" | "health"} Change
 */

export class Store {
  /** @param {Model} model @param {AbortSignal} signal aborted when the model goes */
  constructor(model, signal) {
    this.model = model;
    this.rates = new Rates();
    /** @type {Status} */
    this.status = {
      state: "", url: "", sends: false, of_server: false, targets: [], open: 0, total: 0,
      connections: [], file: false, note: "", saved: [], requests: [],
    };
    /** @type {Said} */
    this.said = { sentence: "", failed: false, code: "" };
    this.log = "";
    this.spans = new Spans([]);
    this.last = 0;
    this.dropped = 0;
    this.origin = 0;
    /** @type {Map<number, Row>} */
    this.rows = new Map();
    /** @type {number[]} */
    this.errors = [];
    this.roundTrip = 0;
    /** @type {Map<number, number>} how many fragments a message has, by its first one's number */
    this.totals = new Map();
    /** @type {Set<(change: Change) => void>} */
    this.listeners = new Set();
    this.bridge = new Bridge(model, signal, () => this.#notify("health"));
    this.bridge.on("news", (news) => this.#takeNews(news));
    this.bridge.on("reset", () => this.open());
    this.bridge.on("said", (said) => { this.said = said; this.#notify("said"); });
    const connected = () => { void this.bridge.request("heartbeat", {}).catch(() => {}); };
    model.on("comm_live_update", connected);
    const snapshot = model.get("snapshot");
    if (snapshot?.spans) this.#takeAll(snapshot);
    void this.bridge.hello();
    this.open();
    this.#beatLater(HEARTBEAT_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(this.heart);
      model.off("comm_live_update", connected);
    });
  }

  /** @param {string} log */
  #forget(log) {
    this.log = log;
    this.spans = new Spans([]);
    this.last = 0;
    this.dropped = 0;
    this.origin = 0;
    this.rows.clear();
    this.errors = [];
    this.roundTrip = 0;
    this.totals.clear();
  }

  /** @param {(change: Change) => void} listener @param {AbortSignal} signal */
  listen(listener, signal) {
    this.listeners.add(listener);
    signal.addEventListener("abort", () => this.listeners.delete(listener));
  }

  /** @param {Change} change */
  #notify(change) {
    for (const listener of this.listeners) listener(change);
  }

  /** "" while the kernel answers; else a sentence. */
  get health() {
    return HEALTH[this.bridge.state];
  }

  /** Ask for all that a page needs. */
  open() {
    this.bridge.request("open", {}, { timeout: 120_000, patience: Infinity }).then(
      (all) => this.#takeAll(all), () => {});
  }

  /** @param {import("./bridge.js").Overview} all */
  #takeAll(all) {
    const other = all.log !== this.log;
    if (other) this.#forget(all.log);
    this.errors = all.errors;
    this.#takePosition(all);
    this.#takeRows(readRows(all));
    this.status = all.status;
    this.said = all.said;
    for (const change of /** @type {Change[]} */ (other ? ["reset", "status", "said"] : ["rows", "status", "said"])) this.#notify(change);
  }

  /** @param {import("./bridge.js").News} news */
  #takeNews(news) {
    if (news.log !== this.log) return this.open();
    if (news.spans) {
      const before = this.last;
      this.errors.push(...(news.errors ?? []));
      if (this.errors.length > 2 * KEPT_ERRORS) this.errors.splice(0, KEPT_ERRORS);
      this.#takePosition(news);
      this.rates.add(news.time, Math.max(0, this.last - before));
      this.#takeRows(readRows(news));
      this.#notify("rows");
    }
    if (news.status) {
      this.status = news.status;
      this.#notify("status");
    }
  }

  /** @param {import("./bridge.js").Position} position */
  #takePosition({ spans, dropped, origin }) {
    this.spans = new Spans(spans);
    this.last = spans.at(-1)?.[1] ?? this.last;
    this.dropped = dropped;
    if (origin) this.origin = origin;
  }

  /** @param {Row[]} rows */
  #takeRows(rows) {
    for (const row of rows) {
      this.rows.set(row.number, row);
      if (row.part !== 0 && row.part[3]) this.totals.set(row.part[0], row.part[2]);
      if (row.type === "pong" && row.answer !== 0 && row.answer[1] !== null) this.roundTrip = row.answer[1];
    }
    if (this.rows.size > KEPT_ROWS) {
      let surplus = this.rows.size - KEPT_ROWS;
      for (const number of this.rows.keys()) {
        if (surplus-- <= 0) break;
        this.rows.delete(number);
        this.totals.delete(number);
      }
    }
  }

  /**
   * Fetch rows by their numbers; they are in `rows` afterwards.
   * @param {number[]} numbers @param {import("./finder.js").Query} query
   * @returns {Promise<Record<string, string>>} what was found around the query's text
   */
  async fetch(numbers, query) {
    const batch = await this.bridge.request("rows", { numbers, ...query });
    this.#takeRows(readRows(batch));
    return batch.contexts;
  }

  /**
   * Call one of the panel's controls in the kernel, which says what came of it.
   * @param {string} name
   * @param {{ arguments?: unknown[], options?: Record<string, unknown>, typed?: string, format?: string }} [fields]
   */
  async act(name, fields = {}) {
    try {
      await this.bridge.request("act", { name, ...fields });
    } catch (problem) {
      this.say(messageOf(problem), true);
    }
  }

  /** Show a sentence of the page's own. @param {string} sentence @param {boolean} [failed] */
  say(sentence, failed = false) {
    this.said = { sentence, failed, code: "" };
    this.#notify("said");
  }

  /** @param {number} delay */
  #beatLater(delay) {
    this.heart = setTimeout(() => {
      if (document.hidden || this.listeners.size === 0) this.#beatLater(delay);
      else this.bridge.request("heartbeat", {}).then(
        () => this.#beatLater(HEARTBEAT_MS),
        () => this.#beatLater(Math.min(2 * delay, LONGEST_HEARTBEAT_MS)));
    }, delay);
  }
}
