// What one page knows of one log: the ring, the server's state, and questions to the kernel.

import { decodeColumns } from "./columns.js";
import { Ring } from "./ring.js";
import { Ties } from "./ties.js";
import { Rates } from "./rates.js";

export const CAPACITY = 5000;
const CONNECTIONS_OFFERED = 50;
const ANSWER_MS = 15_000;
// A kernel that restarts tells the page nothing, so the page asks now and then; ever more rarely
// while there is no answer.
const HEARTBEAT_MS = 10_000;
const LONGEST_HEARTBEAT_MS = 120_000;
const PATIENCE_MS = 1500; // until it is said that there is no answer yet
const NO_ANSWER = "The kernel does not answer just now. If a cell runs, clicks wait until it ends, "
  + "and frames are shown all the same. If the kernel was restarted, run this panel's cell again.";
const NO_KERNEL = "The kernel of this panel is gone: this is the log as it was last seen. "
  + "Run the panel's cell again.";

/**
 * @typedef {{ kind: string, [name: string]: any }} Content
 * @typedef {object} ModelLike
 * @property {(name: string) => any} get
 * @property {(content: any) => void} send
 * @property {(name: string, callback: (...values: any[]) => void) => void} on
 * @property {(name: string, callback?: (...values: any[]) => void) => void} off
 * @property {any} [widget_manager]
 * @typedef {{ content: Content, buffers: DataView[] }} Answer
 * @typedef {"rows" | "status" | "reset" | "health"} Change
 */

export class Store {
  /**
   * @param {ModelLike} model
   * @param {AbortSignal} signal aborted when the model goes
   */
  constructor(model, signal) {
    this.model = model;
    this.ring = new Ring(CAPACITY);
    this.ties = new Ties();
    this.rates = new Rates();
    /** @type {Content} */
    this.status = { kind: "status", state: "", url: "", open: [], dropped: 0 };
    /** "" while the kernel answers; else a sentence. */
    this.health = "";
    /** The first record's time: zero of the relative times. */
    this.origin = 0;
    this.pendingGap = false;
    /** @type {Set<number>} numbers of the connections seen in rows */
    this.known = new Set();
    /** @type {Map<number, { resolve: (answer: Answer) => void, reject: (problem: Error) => void }>} */
    this.questions = new Map();
    this.lastQuestion = 0;
    /** @type {Set<(change: Change) => void>} */
    this.listeners = new Set();
    /** @type {Promise<unknown> | undefined} a question that was asked only to be answered */
    this.nudged = undefined;
    this.page = Math.random().toString(36).slice(2);

    const receive = (/** @type {Content} */ content, /** @type {DataView[]} */ buffers) =>
      this.receive(content, buffers ?? []);
    const connected = () => this.nudge();
    model.on("msg:custom", receive);
    model.on("comm_live_update", connected);
    this.#readSnapshot();
    this.#hello();
    this.#beatLater(HEARTBEAT_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(this.heart);
      model.off("msg:custom", receive);
      model.off("comm_live_update", connected);
      for (const question of this.questions.values()) question.reject(new Error("closed"));
    });
  }

  /**
   * @param {(change: Change) => void} listener
   * @param {AbortSignal} signal
   */
  listen(listener, signal) {
    this.listeners.add(listener);
    signal.addEventListener("abort", () => this.listeners.delete(listener));
  }

  /** @param {Change} change */
  tell(change) {
    for (const listener of this.listeners) listener(change);
  }

  /** Whether the kernel that made this panel is gone. */
  get gone() {
    return this.health === NO_KERNEL;
  }

  /** The connections this page knows of, for the choice in the toolbar. */
  connections() {
    const peers = new Map(this.status.open.map((/** @type {any} */ each) => [each.id, each.peer]));
    return [...this.known, ...[...peers.keys()].filter((id) => !this.known.has(id))]
      .sort((one, other) => one - other)
      .slice(-CONNECTIONS_OFFERED)
      .map((id) => ({ id, peer: peers.get(id) ?? "closed" }));
  }

  /** Say that this page is there, and up to where it has seen the log. */
  #hello() {
    this.#send({ kind: "hello", page: this.page, after: this.ring.covered });
  }

  /**
   * Ask the kernel; it always answers, or the promise is rejected after fifteen seconds.
   * @param {string} what
   * @param {Record<string, unknown>} [details]
   * @returns {Promise<Answer>}
   */
  ask(what, details = {}) {
    this.lastQuestion += 1;
    const id = this.lastQuestion;
    const waiting = setTimeout(() => this.#setHealth(NO_ANSWER), PATIENCE_MS);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.questions.delete(id);
        reject(new Error("The kernel gave no answer in 15 s; it may be busy with a cell. Choose the row again to ask again."));
      }, ANSWER_MS);
      const settle = () => (clearTimeout(late), clearTimeout(waiting));
      this.questions.set(id, {
        resolve: (answer) => (settle(), resolve(answer)),
        reject: (problem) => (settle(), reject(problem)),
      });
      this.#send({ kind: "ask", what, page: this.page, id, ...details });
    });
  }

  /** Find out whether the kernel answers: what was clicked before is done when it does. */
  nudge() {
    this.nudged ??= this.ask("beat").catch(() => {}).finally(() => { this.nudged = undefined; });
  }

  /**
   * @param {Content} content
   * @param {DataView[]} buffers
   */
  receive(content, buffers) {
    if (content.kind === "rows") this.#takeRows(content, buffers[0]);
    else if (content.kind === "status") this.#takeStatus(content);
    else if (content.kind === "answer" && content.page === this.page) {
      this.#setHealth("");
      const question = this.questions.get(content.id);
      this.questions.delete(content.id);
      question?.resolve({ content, buffers });
    }
  }

  /** @param {Content} content */
  #send(content) {
    try {
      this.model.send(content);
    } catch {
      this.#setHealth(NO_KERNEL);
    }
  }

  /**
   * @param {Content} content
   * @param {DataView} buffer
   */
  #takeRows(content, buffer) {
    if (content.log !== this.logKey) {
      if (this.logKey !== undefined) this.#reset();
      this.logKey = content.log;
    }
    const rows = decodeColumns(content.count, buffer);
    const outcome = this.ring.take(rows, content.after, content.to);
    if (outcome === "gap") {
      // The batch is dropped: the answer to this hello covers it too.
      if (!this.pendingGap) this.#hello();
      this.pendingGap = true;
      return;
    }
    if (outcome === "old") return;
    this.pendingGap = false;
    if (this.origin === 0 && content.origin) this.origin = content.origin;
    for (const row of rows) {
      this.ties.annotate(row);
      if (row.connection > 0) this.known.add(row.connection);
    }
    this.rates.add(content.time, content.to - content.after, content.bytes ?? 0);
    this.tell("rows");
  }

  #reset() {
    this.ring.reset();
    this.ties = new Ties();
    this.rates = new Rates();
    this.known.clear();
    this.origin = 0;
    this.tell("reset");
  }

  /** @param {Content} content */
  #takeStatus(content) {
    this.status = content;
    this.tell("status");
  }

  #readSnapshot() {
    const snapshot = this.model.get("snapshot");
    if (!snapshot || !snapshot.rows) return;
    this.receive(snapshot.rows, [snapshot.columns]);
    if (snapshot.status) this.#takeStatus(snapshot.status);
  }

  /** @param {number} delay */
  #beatLater(delay) {
    this.heart = setTimeout(() => {
      if (document.hidden || this.listeners.size === 0) {
        this.#beatLater(delay);
        return;
      }
      this.ask("beat").then(
        () => this.#beatLater(HEARTBEAT_MS),
        () => this.#beatLater(Math.min(2 * delay, LONGEST_HEARTBEAT_MS)));
    }, delay);
  }

  /** @param {string} health */
  #setHealth(health) {
    if (this.health === health) return;
    this.health = health;
    this.tell("health");
  }
}
