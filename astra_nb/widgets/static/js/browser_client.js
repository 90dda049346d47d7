// The browser's own end: a real WebSocket in this page, its events and its limits, and what a
// proxy changed on the way. `esm.py` joins this with the modules it imports.

import { completeAddress } from "./address_check.js";
import { AddressLine } from "./address_line.js";
import { button, element, setText } from "./dom.js";
import { KernelVoice } from "./kernel_voice.js";
import { limitsList } from "./limits_list.js";
import { pointsTable } from "./points_table.js";
import { LONGEST_REASON, PageSocket, READY_STATES, closeProblem, consoleSnippet, parseBytes } from "./page_socket.js";

/** @typedef {import("./page_socket.js").PageRow} PageRow */

const MOST_ROWS = 500;

class BrowserClientPage {
  /**
   * @param {any} model
   * @param {HTMLElement} el
   * @param {AbortSignal} signal
   */
  constructor(model, el, signal) {
    this.model = model;
    this.voice = new KernelVoice(model, signal);
    this.voice.onMessage = (content) => { if (content.kind === "lane") this.#drawLane(content); };
    this.edited = false;
    this.stateText = "";
    this.began = performance.now();
    this.socket = new PageSocket({
      onRow: (row) => this.#addRow(row),
      onState: () => this.#drawState(),
      onEvent: (event) => this.#tell({ kind: "event", ...event }),
    });
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
    this.line = new AddressLine(model, this.voice, signal, () => this.#drawAddress());
    const textOf = () => this.payload.value;
    this.root = element("div", { class: "astra-browser" },
      this.line.root,
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

    const ticking = setInterval(() => this.#drawState(), 250); // bufferedAmount has no event
    signal.addEventListener("abort", () => {
      clearInterval(ticking);
      this.socket.leave();
    });
    this.#drawAddress();
    this.#drawState();
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
    await this.voice.ask("go", { kind: "connect", after: this.voice.last, proxied: this.#isProxied(url) });
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

  #drawAddress() {
    const { line } = this;
    if (line === undefined) return; // which is being made
    const { url, candidates } = line.addresses;
    if (!this.edited) {
      const reached = line.result?.state === "reached" ? line.result.url : candidates[0]?.url ?? url;
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

  /** @param {string} url */
  #isProxied(url) {
    const { addresses, result } = this.line;
    try {
      const own = addresses.candidates.find((/** @type {any} */ each) => url.startsWith(completeAddress(each.url, location.href)));
      if (!own) return false;
      const measured = result?.state === "reached" && url.startsWith(result.url) && result.code !== 1000;
      return own.proxied || measured;
    } catch {
      return false;
    }
  }

  /** @param {Record<string, unknown>} content */
  #tell(content) {
    if (!this.voice.send(content)) this.#show("The kernel does not listen any more; run the cell again.");
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
