// The browser's own end: a real WebSocket in this page, its events and its limits, and what a
// proxy changed on the way. `esm.py` joins this with the modules it imports.

import { checkAddresses, completeAddress, describeCheck, describePage, jupyterBase } from "./address_check.js";
import { button, element, setText } from "./dom.js";
import { greet } from "./greeting.js";
import { limitsList } from "./limits_list.js";
import { pointsTable } from "./points_table.js";
import { LONGEST_REASON, PageSocket, READY_STATES, closeProblem, consoleSnippet, parseBytes } from "./page_socket.js";

/** @typedef {import("./page_socket.js").PageRow} PageRow */
/** @typedef {import("./address_check.js").CheckResult} CheckResult */

const MOST_ROWS = 500;
const ANSWER_MS = 1500; // until a busy kernel is no longer waited for

class BrowserClientPage {
  /**
   * @param {any} model
   * @param {HTMLElement} el
   * @param {AbortSignal} signal
   */
  constructor(model, el, signal) {
    this.model = model;
    this.id = Math.random().toString(36).slice(2);
    this.last = 0;
    this.proxied = false;
    this.edited = false;
    this.stateText = "";
    /** @type {CheckResult | undefined} */
    this.result = undefined;
    this.began = performance.now();
    /** @type {Map<string, ((content: any) => void)[]>} */
    this.waiting = new Map();
    this.socket = new PageSocket({
      onRow: (row) => this.#addRow(row),
      onState: () => this.#drawState(),
      onEvent: (event) => this.#send({ kind: "event", ...event }),
    });
    this.kernelAddress = element("code", { class: "astra-address" });
    this.found = element("p", { class: "astra-check", attributes: { role: "status" } });
    this.checkButton = button("Check", "Open a real connection from this page to find out which address it reaches", () => this.#check());
    this.url = /** @type {HTMLInputElement} */ (element("input", {
      class: "astra-search astra-url", attributes: { type: "text", spellcheck: "false", "aria-label": "Address to connect to" },
      on: { input: () => { this.edited = true; this.#drawSnippet(); } },
    }));
    this.subprotocols = /** @type {HTMLInputElement} */ (element("input", {
      class: "astra-search astra-short", attributes: { type: "text", placeholder: "subprotocols", "aria-label": "Subprotocols, parted by commas", spellcheck: "false" },
    }));
    this.connectButton = button("Connect", "new WebSocket(address): opens a connection from this page", () => this.#connect());
    this.payload = /** @type {HTMLInputElement} */ (element("input", {
      class: "astra-search astra-url", attributes: { type: "text", value: "Hello", spellcheck: "false", "aria-label": "Payload" },
    }));
    this.format = select(["text", "hex", "byte table"], "How the payload is read when it is sent as bytes");
    this.code = /** @type {HTMLInputElement} */ (element("input", {
      class: "astra-search astra-code-field", attributes: { type: "number", value: "1000", min: "1000", max: "4999", "aria-label": "Close code: 1000, or 3000 to 4999" },
      on: { input: () => this.#drawClose() },
    }));
    this.reason = /** @type {HTMLInputElement} */ (element("input", {
      class: "astra-search astra-url", attributes: { type: "text", placeholder: "close reason", "aria-label": "Close reason", spellcheck: "false" },
      on: { input: () => this.#drawClose() },
    }));
    this.reasonCount = element("span", { class: "astra-muted" });
    this.binaryType = select(["blob", "arraybuffer"], "binaryType: the form in which this page gets binary messages");
    this.binaryType.addEventListener("change", () => this.socket.setBinaryType(/** @type {BinaryType} */ (this.binaryType.value)));
    this.closeButton = button("close(code, reason)", "Close with the code and the reason beside", () => this.#try(() => this.#close()));
    this.state = element("span", { class: "astra-socket-state" });
    this.problem = element("p", { class: "astra-verdict", attributes: { role: "alert" } });
    this.problem.hidden = true;
    this.rows = element("ol", { class: "astra-page-rows", attributes: { role: "log", tabindex: "0", "aria-label": "Events in this page", "aria-live": "polite" } });
    this.empty = element("p", { class: "astra-hint", text: "Nothing yet. Press Connect." });
    this.between = element("section", { class: "astra-between", attributes: { "aria-label": "What the proxy changed" } });
    this.between.hidden = true;
    this.snippet = element("pre", { class: "astra-snippet", attributes: { tabindex: "0", "aria-label": "Code for the browser's console" } });
    this.copyButton = button("Copy", "Copy this code, for the browser's console", () => this.#copy());
    const textOf = () => this.payload.value;
    this.root = element("div", { class: "astra-panel astra-browser" },
      element("div", { class: "astra-browser-head" },
        element("b", { text: "This page" }),
        element("span", { class: "astra-muted", text: "the kernel's address" }), this.kernelAddress,
        element("span", { class: "astra-spring" }), this.checkButton),
      this.found,
      line("address", this.url, this.subprotocols, this.connectButton),
      line("payload", this.payload,
        button("send text", "socket.send(text): one TEXT frame", () => this.#try(() => this.socket.send(textOf()))),
        button("send bytes", "socket.send(bytes): one BINARY frame", () => this.#try(() => this.socket.send(parseBytes(textOf(), this.format.value)))),
        this.format),
      line("close", this.code, this.reason, this.reasonCount, this.closeButton,
        button("close()", "Close without a code: the CLOSE frame is empty", () => this.#try(() => this.socket.close(undefined, "")))),
      line("binaryType", this.binaryType, this.state),
      this.problem,
      element("div", { class: "astra-page-log" }, this.rows, this.empty),
      this.between,
      element("details", { class: "astra-limits" },
        element("summary", { text: "The same from the browser's console" }),
        element("p", { class: "astra-hint", text: "Open the console (F12), paste this, and look at the frame log." }),
        element("div", { class: "astra-snippet-line" }, this.snippet, this.copyButton)),
      limitsList(() => this.socket.socket));
    el.append(this.root);
    this.#drawClose();

    const heard = (/** @type {any} */ content) => this.#hear(content);
    const changed = () => this.#addressesChanged();
    model.on("msg:custom", heard);
    model.on("change:addresses", changed);
    const ticking = setInterval(() => this.#drawState(), 250); // bufferedAmount has no event
    signal.addEventListener("abort", () => {
      model.off("msg:custom", heard);
      model.off("change:addresses", changed);
      clearInterval(ticking);
      this.socket.leave();
    });
    void greet(model);
    this.#drawAddresses();
    this.#drawState();
    this.#start();
  }

  async #start() {
    await this.#ask("ready", { kind: "page", ...describePage(location, jupyterBase(document)) });
    this.#drawAddresses();
    await this.#check();
  }

  // What a person does

  async #connect() {
    this.#show("");
    const url = this.url.value;
    const subprotocols = this.subprotocols.value.split(/[\s,]+/).filter((name) => name !== "");
    this.socket.leave();
    this.rows.replaceChildren();
    this.between.hidden = true;
    this.began = performance.now();
    // The kernel notes where its log stands, so that both ends can be laid side by side.
    await this.#ask("go", { kind: "connect", after: this.last, proxied: this.#isProxied(url) });
    this.#try(() => this.socket.open(url, subprotocols));
  }

  #close() {
    const code = Number(this.code.value);
    const problem = closeProblem(code, this.reason.value);
    if (problem) throw new Error(problem);
    this.socket.close(code, this.reason.value);
  }

  /** @param {() => unknown} action */
  async #try(action) {
    try {
      await action();
      this.#show("");
    } catch (error) {
      this.#show(error instanceof DOMException ? `${error.name}: ${error.message}` : error instanceof Error ? error.message : String(error));
    }
    this.#drawState();
  }

  async #check() {
    const addresses = this.model.get("addresses");
    this.checkButton.setAttribute("disabled", "");
    setText(this.found, "Checking from this page ...");
    await this.#ask("here", { kind: "where?" });
    const after = this.last;
    this.result = await checkAddresses(addresses, () => this.#ask("refused", { kind: "refused?", after }));
    this.checkButton.removeAttribute("disabled");
    const { sentence, advice } = describeCheck(this.result, addresses);
    const reached = this.result.state === "reached";
    this.found.dataset.state = this.result.state;
    this.found.replaceChildren(
      element("b", { text: `${reached ? "\u2713 reached" : "\u2717 blocked"} ` }),
      ...(this.result.url ? [element("code", { text: this.result.url }), ". "] : []), `${sentence} ${advice}`.trim());
    this.proxied = this.result.proxied;
    this.#drawAddresses();
    this.#send({ kind: "checked", result: this.result });
  }

  async #copy() {
    const text = this.snippet.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https there is no clipboard: mark the text, and let the browser copy that.
      getSelection()?.selectAllChildren(this.snippet);
      document.execCommand("copy");
    }
    setText(this.copyButton, "Copied");
    setTimeout(() => setText(this.copyButton, "Copy"), 1500);
  }

  // What is shown

  #addressesChanged() {
    const { running } = this.model.get("addresses");
    const was = this.result?.cause;
    this.#drawAddresses();
    if (running ? was === "stopped" : was !== "stopped" && was !== undefined) void this.#check();
  }

  #drawAddresses() {
    const { url, candidates } = this.model.get("addresses");
    setText(this.kernelAddress, url);
    if (!this.edited) {
      const reached = this.result?.state === "reached" ? this.result.url : candidates[0]?.url ?? url;
      try {
        const path = this.model.get("path").slice(1);
        this.url.value = completeAddress(reached, location.href) + path;
      } catch {
        this.url.value = url;
      }
    }
    this.#drawSnippet();
  }

  #drawSnippet() {
    setText(this.snippet, consoleSnippet(this.url.value));
  }

  #drawClose() {
    const size = new TextEncoder().encode(this.reason.value).length;
    setText(this.reasonCount, `${size} of ${LONGEST_REASON} bytes`);
    this.reasonCount.classList.toggle("astra-over", size > LONGEST_REASON);
    setText(this.closeButton, `close(${this.code.value || "?"}${this.reason.value ? ", reason" : ""})`);
  }

  #drawState() {
    const { socket } = this.socket;
    const state = socket ? socket.readyState : 3;
    const shown = [
      ["readyState", socket ? `${state} ${READY_STATES[state]}` : "no connection"],
      ["bufferedAmount", socket ? String(socket.bufferedAmount) : "-"],
      ["protocol", socket ? JSON.stringify(socket.protocol) : "-"],
      ["extensions", socket ? JSON.stringify(socket.extensions) : "-"],
    ];
    const text = shown.map((pair) => pair.join(" ")).join();
    if (this.stateText === text) return;
    this.stateText = text;
    this.state.replaceChildren(...shown.map(([name, value]) => element("span", {}, element("i", { text: name }), " ", element("code", { text: value }))));
    setText(this.connectButton, socket && state < 2 ? "Connect anew" : "Connect");
  }

  /** @param {PageRow} row */
  #addRow({ time, name, fields }) {
    const at = ((time - this.began) / 1000).toFixed(3);
    const kind = { open: "opened", message: "text", error: "error", close: "close" }[name] ?? "notice";
    const atEnd = this.rows.scrollTop + this.rows.clientHeight >= this.rows.scrollHeight - 4;
    this.rows.append(element("li", { class: `astra-t-${kind}` },
      element("span", { class: "astra-muted", text: at }),
      element("b", { text: kind === "notice" ? `\u2191 ${name}` : `\u2193 ${name}` }),
      element("span", { class: "astra-fields" }, ...fields.flatMap(([field, value]) => [
        field ? element("i", { text: field }) : null, element("span", { text: value })]))));
    while (this.rows.childElementCount > MOST_ROWS) this.rows.firstElementChild?.remove();
    if (atEnd) this.rows.scrollTop = this.rows.scrollHeight;
  }

  /** @param {any} content */
  #drawLane({ number, doubt, points }) {
    this.between.hidden = points.length === 0 && doubt === "";
    this.between.replaceChildren(...pointsTable({ number, doubt, points, proxied: this.#isProxied(this.url.value) }));
  }

  /** @param {string} text */
  #show(text) {
    this.problem.hidden = text === "";
    setText(this.problem, text);
  }

  // The kernel

  /** @param {string} url */
  #isProxied(url) {
    try {
      const own = this.model.get("addresses").candidates.find((/** @type {any} */ each) => url.startsWith(completeAddress(each.url, location.href)));
      return own ? own.proxied || (this.result?.state === "reached" && this.result.url && url.startsWith(this.result.url) && this.result.code !== 1000) : false;
    } catch {
      return false;
    }
  }

  /** @param {Record<string, unknown>} content */
  #send(content) {
    try {
      this.model.send({ page: this.id, ...content });
    } catch {
      this.#show("The kernel does not listen any more; run the cell again.");
    }
  }

  /**
   * Ask the kernel and wait for its answer, though not for long: it may be busy.
   * @param {string} kind of the answer
   * @param {Record<string, unknown>} content
   * @returns {Promise<any>}
   */
  #ask(kind, content) {
    return new Promise((resolve) => {
      const list = this.waiting.get(kind) ?? [];
      const done = (/** @type {any} */ answer) => { clearTimeout(timer); resolve(answer); };
      const timer = setTimeout(() => done({ status: 0, detail: "" }), ANSWER_MS);
      this.waiting.set(kind, [...list, done]);
      this.#send(content);
    });
  }

  /** @param {any} content */
  #hear(content) {
    if (content?.page !== this.id) return;
    this.last = Math.max(this.last, content.last ?? 0);
    for (const done of this.waiting.get(content.kind) ?? []) done(content);
    this.waiting.delete(content.kind);
    if (content.kind === "lane") this.#drawLane(content);
  }
}

/**
 * @param {string} name
 * @param {...(Node | string)} parts
 */
function line(name, ...parts) {
  return element("div", { class: "astra-browser-line" }, element("span", { class: "astra-line-name", text: name }), ...parts);
}

/**
 * @param {string[]} options
 * @param {string} title
 */
function select(options, title) {
  const made = element("select", { class: "astra-select", attributes: { title, "aria-label": title } },
    ...options.map((text) => element("option", { text })));
  return /** @type {HTMLSelectElement} */ (made);
}

export default {
  /** @param {{ model: any, el: HTMLElement, signal: AbortSignal }} context */
  render({ model, el, signal }) {
    const page = new BrowserClientPage(model, el, signal);
    void page;
  },
};
