// What one page knows of one log: the ring of rows, the server's status, and the kernel's health.

import { Bridge } from "./bridge.js";
import { Rates } from "./rates.js";
import { Relations } from "./relations.js";
import { Ring } from "./ring.js";
import { readRows } from "./rows.js";

export const CAPACITY = 5000;
const CONNECTIONS_OFFERED = 50;
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
 * @typedef {import("./bridge.js").Rows} Rows
 * @typedef {import("./bridge.js").Status} Status
 * @typedef {{ snapshot: { rows?: Rows, status?: Status }, copy_key: string }} Traits
 * @typedef {Pick<import("@anywidget/types").AnyModel<Traits>, "get" | "send" | "on" | "off">} Model
 * @typedef {"rows" | "status" | "reset" | "health"} Change
 */

export class Store {
  /**
   * @param {Model} model
   * @param {AbortSignal} signal aborted when the model goes
   */
  constructor(model, signal) {
    this.model = model;
    this.ring = new Ring(CAPACITY);
    this.relations = new Relations();
    this.rates = new Rates();
    /** @type {Status} */
    this.status = { state: "", url: "", open: [], dropped: 0, note: "" };
    /** The first record's time: zero of the relative times. */
    this.origin = 0;
    this.backfilling = false;
    /** @type {string | undefined} which log the rows are of */
    this.logKey = undefined;
    /** @type {Set<number>} numbers of the connections seen in rows */
    this.known = new Set();
    /** @type {Set<(change: Change) => void>} */
    this.listeners = new Set();
    /** @type {Promise<unknown> | undefined} a heartbeat that a click asked for */
    this.nudged = undefined;
    this.bridge = new Bridge(model, signal, () => this.#notify("health"));
    this.bridge.on("rows", (rows) => this.#takeRows(rows));
    this.bridge.on("status", (status) => {
      this.status = status;
      this.#notify("status");
    });

    const connected = () => this.nudge();
    model.on("comm_live_update", connected);
    const { rows, status } = model.get("snapshot") ?? {};
    if (rows) this.#takeRows(rows);
    if (status) this.status = status;
    void this.bridge.hello();
    this.#backfill();
    this.#beatLater(HEARTBEAT_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(this.heart);
      model.off("comm_live_update", connected);
    });
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

  /** The connections this page knows of, for the choice in the toolbar. */
  connections() {
    const peers = new Map(this.status.open.map(({ id, peer }) => [id, peer]));
    return [...new Set([...this.known, ...peers.keys()])]
      .sort((one, other) => one - other)
      .slice(-CONNECTIONS_OFFERED)
      .map((id) => ({ id, peer: peers.get(id) ?? "closed" }));
  }

  /** Find out whether the kernel answers: what was clicked before is done when it does. */
  nudge() {
    this.nudged ??= this.bridge.request("heartbeat", {}).catch(() => {}).finally(() => { this.nudged = undefined; });
  }

  /** Have the kernel push the rows that this page lacks. */
  #backfill() {
    if (this.backfilling) return;
    this.backfilling = true;
    const done = () => { this.backfilling = false; };
    this.bridge.request("backfill", { after: this.ring.covered }, { patience: Infinity }).then(done, done);
  }

  /** @param {Rows} content */
  #takeRows(content) {
    if (content.log !== this.logKey) {
      if (this.logKey !== undefined) this.#reset();
      this.logKey = content.log;
    }
    const rows = readRows(content);
    const outcome = this.ring.take(rows, content.after, content.to);
    // A batch after a gap is dropped: the backfill covers it too.
    if (outcome === "gap") this.#backfill();
    if (outcome !== "taken") return;
    if (this.origin === 0 && content.origin) this.origin = content.origin;
    for (const row of rows) {
      this.relations.annotate(row);
      if (row.connection > 0) this.known.add(row.connection);
    }
    this.rates.add(content.time, content.to - content.after, content.bytes);
    this.#notify("rows");
  }

  #reset() {
    this.ring.reset();
    this.relations = new Relations();
    this.rates = new Rates();
    this.known.clear();
    this.origin = 0;
    this.#notify("reset");
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
