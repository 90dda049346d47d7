// The bridge between a page and its widget in the kernel: requests, answers, notices, pushes.
// `bridge.py` is the kernel's end; each kind of message is named here, for both.

/**
 * @typedef {import("@anywidget/types").AnyModel} AnyModel
 * @typedef {Pick<AnyModel, "send" | "on" | "off">} Channel what a bridge needs of a model
 *
 * @typedef {{ last: number, path?: string }} Place number of the last record of the log; path to connect to
 * @typedef {{ spans: [number, number][], dropped: number, origin: number, time: number }} Position
 *   first and last number of each stretch of the log; seconds since the epoch
 * @typedef {object} Status
 * @property {string} state "listening", "stopped", "open", "closed", "log"
 * @property {string} url
 * @property {boolean} sends whether there is anything to send on
 * @property {boolean} of_server
 * @property {{ id: number, path: string, peer: string, client: boolean, server: boolean }[]} targets
 * @property {number} open
 * @property {number} total
 * @property {[number, string, string, string][]} connections number, path, name or address, state
 * @property {boolean} file whether a file is shown in place of the live log
 * @property {string} note
 * @property {{ name: string, payload: string, format: string }[]} saved
 * @property {SavedRequest[]} requests
 * @property {TapState | null} [tap] of the panel of a tap, while it shows the live log
 * @typedef {{ number: number, address: string, headers: Record<string, string>, subprotocols: string[], faults: string[] }} SavedRequest secrets hidden
 * @typedef {object} TapState
 * @property {boolean} running
 * @property {{ number: number, says: string, on: boolean }[]} rules a function has the number 0
 * @property {number} held how many messages
 * @property {{ number: number, type: string, says: string } | null} first of them
 * @typedef {{ sentence: string, failed: boolean, code: string }} Said
 * @typedef {import("./rows.js").Batch & Position & { log: string, errors: number[], status: Status, said: Said }} Overview
 * @typedef {import("./rows.js").Batch & Position & { log: string, errors?: number[], status?: Status }} News
 * @typedef {{ number: number, doubt: string, points: import("./comparison.js").Point[] }} Comparison
 * @typedef {import("./finder.js").Query} Query
 *
 * @typedef {object} Requests by kind: the fields of the request, and the value of its answer
 * @property {[{}, { subshell: boolean }]} hello
 * @property {[{}, {}]} heartbeat
 * @property {[{}, Overview]} open
 * @property {[Query & { numbers: number[] }, import("./rows.js").Batch & { contexts: Record<string, string> }]} rows
 * @property {[Query & { after: number, below: number }, { numbers: number[], searched: number, below: number, to: number }]} find
 * @property {[{ number: number }, import("./inspector.js").Detail]} detail
 * @property {[Partial<Query> & { number: number, offset: number, whole: boolean }, import("./payload_view.js").Page]} payload
 * @property {[{ number: number, offset: number }, { hex: string }]} wire
 * @property {[{ number: number, form: string }, { text: string }]} copy
 * @property {[{ one: number, other: number }, import("./differences.js").Compared]} compare
 * @property {[{}, { connections: import("./connections.js").Connection[], now: number }]} connections
 * @property {[{ name: string, arguments?: unknown[], options?: Record<string, unknown>, typed?: string, format?: string }, {}]} act
 * @property {[{ number: number }, { text: string, format: string }]} held
 * @property {[{ form: string }, {}]} save
 * @property {[{ path: string }, {}]} load
 * @property {[{ origin: string, host: string, base_url: string | null }, Place]} page
 * @property {[{}, Place]} position
 * @property {[{ after: number }, { status: number }]} refusal
 * @property {[{ after: number, proxied: boolean }, Place]} connect
 *
 * @typedef {object} Notices by kind: their fields
 * @property {{ result: import("./address_check.js").CheckResult }} checked
 * @property {import("./page_socket.js").SocketEvent} event
 * @property {{ rows: number }} sight
 *
 * @typedef {object} Pushes by kind: their fields
 * @property {{ id: number, value?: unknown, error?: string }} answer
 * @property {News} news
 * @property {Said} said
 * @property {{}} reset
 * @property {Comparison & Place} comparison
 *
 * @typedef {"answering" | "silent" | "gone"} State of the kernel, as far as the page knows
 * @typedef {{ resolve: (value: any) => void, reject: (problem: Error) => void }} Pending
 */

const ANSWER_MS = 15_000;
const PATIENCE_MS = 1500; // until a kernel that has not answered counts as silent
const NO_LIMITS = { timeout: Infinity, patience: Infinity };
const HELLO_PAUSES_MS = [150, 400, 1000, 2500, 5000];

export class Bridge {
  /**
   * @param {Channel} model
   * @param {AbortSignal} signal aborted when the view goes
   * @param {() => void} onState called when `state` changed
   */
  constructor(model, signal, onState = () => {}) {
    this.model = model;
    this.signal = signal;
    this.onState = onState;
    /** Answers to other pages of the same widget carry another name. */
    this.page = Math.random().toString(36).slice(2);
    /** @type {State} */
    this.state = "answering";
    this.lastId = 0;
    /** @type {Map<number, Pending>} */
    this.pending = new Map();
    /** @type {Map<string, (content: any) => void>} */
    this.listeners = new Map();
    const receive = (/** @type {any} */ content) => this.#receive(content);
    model.on("msg:custom", receive);
    signal.addEventListener("abort", () => {
      model.off("msg:custom", receive);
      for (const { reject } of this.pending.values()) reject(new Error("This view is closed."));
    });
  }

  /**
   * Send a request. The promise is rejected with a sentence for the reader when the kernel answers
   * with an error, not in time, or is gone.
   * @template {keyof Requests} K
   * @param {K} kind
   * @param {Requests[K][0]} fields
   * @param {{ timeout?: number, patience?: number }} [limits] milliseconds, Infinity for none:
   *   until it is rejected, and until the kernel counts as silent
   * @returns {Promise<Requests[K][1]>}
   */
  request(kind, fields, { timeout = ANSWER_MS, patience = PATIENCE_MS } = {}) {
    this.lastId += 1;
    const id = this.lastId;
    /** @type {ReturnType<typeof setTimeout>[]} */
    const timers = [];
    const after = (/** @type {number} */ delay, /** @type {() => void} */ act) => {
      if (delay !== Infinity) timers.push(setTimeout(act, delay)); // setTimeout takes Infinity for 1
    };
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      const fail = (/** @type {string} */ why) => reject(new Error(why));
      if (this.signal.aborted) fail("This view is closed.");
      else if (!this.#send({ ...fields, kind, page: this.page, id })) fail("The kernel of this view is gone.");
      else {
        after(patience, () => this.#setState("silent"));
        after(timeout, () => fail(`The kernel gave no answer in ${timeout / 1000} s; `
          + "it may be busy with a cell. Choose the row again to ask again."));
      }
    }).finally(() => {
      timers.forEach(clearTimeout);
      this.pending.delete(id);
    });
  }

  /**
   * Send a notice, which gets no answer.
   * @template {keyof Notices} K
   * @param {K} kind
   * @param {Notices[K]} fields
   * @returns {boolean} false when the kernel is gone
   */
  notify(kind, fields) {
    return this.#send({ ...fields, kind, page: this.page });
  }

  /**
   * Have what the kernel pushes handled.
   * @template {keyof Pushes} K
   * @param {K} kind
   * @param {(content: Pushes[K]) => void} listener
   */
  on(kind, listener) {
    this.listeners.set(kind, listener);
  }

  /**
   * Say hello until the answer comes from a subshell, or a few times: from then on messages get
   * through while a cell runs. A hello that JupyterLab sent before it had its subshell is repeated.
   * @returns {Promise<boolean>} whether messages get through while a cell runs
   */
  async hello() {
    try {
      for (const pause of [0, ...HELLO_PAUSES_MS]) {
        if (pause > 0) await new Promise((resolve) => { setTimeout(resolve, pause); });
        const { subshell } = await this.request("hello", {}, NO_LIMITS);
        if (subshell) return true;
      }
    } catch {
      // The kernel is gone, or the view.
    }
    return false;
  }

  /** @param {Record<string, unknown>} content */
  #send(content) {
    try {
      this.model.send(content);
      return true;
    } catch {
      this.#setState("gone");
      return false;
    }
  }

  /** @param {any} content */
  #receive(content) {
    if (content?.page !== undefined && content.page !== this.page) return;
    if (content?.kind !== "answer") {
      this.listeners.get(content?.kind)?.(content);
      return;
    }
    this.#setState("answering");
    const pending = this.pending.get(content.id);
    if (content.error === undefined) pending?.resolve(content.value);
    else pending?.reject(new Error(content.error));
  }

  /** @param {State} state */
  #setState(state) {
    // A kernel that is gone stays so until it answers.
    if (state === this.state || (state === "silent" && this.state === "gone")) return;
    this.state = state;
    this.onState();
  }
}
