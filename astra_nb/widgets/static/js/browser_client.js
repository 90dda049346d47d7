// The browser's own end: a real WebSocket in this page, its events and its limits, and what a
// proxy changed on the way. `esm.py` joins this with the modules it imports.

import { completeAddress } from "./address_check.js";
import { AddressView, SHORTLY } from "./address_view.js";
import { Bridge } from "./bridge.js";
import { comparisonTable } from "./comparison.js";
import { button, choice, copyText, element, isOther, setText } from "./dom.js";
import { messageOf } from "./format.js";
import { limitList } from "./page_limits.js";
import { LONGEST_REASON, PageSocket, READY_STATES, closeProblem, consoleSnippet } from "./page_socket.js";
import { parseBytes } from "./payload.js";

/**
 * @typedef {import("./page_socket.js").PageRow} PageRow
 * @typedef {import("./address_view.js").Traits} Traits
 */

const MOST_ROWS = 500;

class BrowserClientPage {
  /** @param {import("./address_view.js").Model} model @param {HTMLElement} el @param {AbortSignal} signal */
  constructor(model, el, signal) {
    this.model = model;
    this.bridge = new Bridge(model, signal);
    this.bridge.on("comparison", (comparison) => this.#drawComparison(comparison));
    this.edited = false;
    this.began = performance.now();
    this.socket = new PageSocket((row, event) => {
      this.#addRow(row);
      this.#drawState();
      if (!this.bridge.notify("event", event)) this.#show("The kernel no longer listens; run the cell again.");
    });
    this.url = input("astra-url", "Address to connect to", {
      oninput: () => { this.edited = true; this.#drawSnippet(); },
    });
    this.subprotocols = input("astra-short", "Subprotocols, separated by commas", { placeholder: "subprotocols" });
    this.connectButton = button("Connect", "new WebSocket(address): opens a connection from this page", () => this.#connect());
    this.payload = input("astra-url", "Payload", { value: "Hello" });
    this.format = select(["text", "hex", "byte table"], "How the payload is read when it is sent as bytes");
    this.code = input("astra-code-field", "Close code: 1000, or 3000 to 4999", {
      type: "number", value: "1000", min: "1000", max: "4999", oninput: () => this.#drawClose(),
    });
    this.reason = input("astra-url", "Close reason", {
      placeholder: "close reason", oninput: () => this.#drawClose(),
    });
    this.reasonCount = element("span", { class: "astra-quiet" });
    this.binaryType = select(["blob", "arraybuffer"], "binaryType: the form in which this page gets binary messages");
    this.binaryType.onchange = () =>
      this.socket.setBinaryType(/** @type {BinaryType} */ (this.binaryType.value));
    this.closeButton = button("close(code, reason)", "Close with this code and reason", () => this.#try(() => this.#close()));
    this.state = element("span", { class: "astra-socket-state" });
    this.problem = element("p", { class: "astra-verdict", role: "alert", hidden: true });
    this.rows = element("ol", { class: "astra-page-rows", role: "log", tabindex: "0", "aria-label": "Events in this page", "aria-live": "polite" });
    this.empty = element("p", { class: "astra-hint", text: "Nothing yet. Press Connect." });
    this.between = element("section", { class: "astra-between", "aria-label": "What the proxy changed", hidden: true });
    this.snippet = element("pre", { class: "astra-snippet", tabindex: "0", "aria-label": "Code for the browser's console" });
    this.copyButton = button("Copy", "Copy this code, for the browser's console", () => copyText(this.copyButton, this.snippet.textContent ?? ""));
    this.address = new AddressView(model, this.bridge, signal, (address) => this.#drawAddress(address));
    const textOf = () => this.payload.value;
    this.root = element("div", { class: "astra-browser" },
      this.address.root,
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
      limitList(() => this.socket.socket));
    el.append(this.root);
    this.#drawClose();

    const ticking = setInterval(() => this.#drawState(), 250); // bufferedAmount has no event
    signal.addEventListener("abort", () => {
      clearInterval(ticking);
      this.socket.leave();
    });
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
    // The kernel notes the position in its log, so that both ends can be compared.
    const fields = { after: this.address.last, proxied: this.#isProxied(url) };
    await this.address.follow(this.bridge.request("connect", fields, SHORTLY));
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
      this.#show(error instanceof DOMException ? `${error.name}: ${error.message}` : messageOf(error));
    }
    this.#drawState();
  }

  // What is shown

  /** @param {AddressView} address */
  #drawAddress(address) {
    const { url, candidates } = address.addresses;
    if (!this.edited) {
      const reached = address.result?.state === "reached" ? address.result.url : candidates[0]?.url ?? url;
      try {
        const path = address.path.slice(1);
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
    if (!isOther(this.state, shown)) return;
    this.state.replaceChildren(...shown.map(([name, value]) => element("span", {}, element("i", { text: name }), " ", element("code", { text: value }))));
    setText(this.connectButton, socket && state < 2 ? "Connect again" : "Connect");
  }

  /** @param {PageRow} row */
  #addRow({ time, name, fields }) {
    const at = ((time - this.began) / 1000).toFixed(3);
    const kind = { open: "opened", message: "text", error: "error", close: "close" }[name] ?? "notice";
    const atEnd = this.rows.scrollTop + this.rows.clientHeight >= this.rows.scrollHeight - 4;
    this.rows.append(element("li", { class: `astra-t-${kind}` },
      element("span", { class: "astra-quiet", text: at }),
      element("b", { text: kind === "notice" ? `\u2191 ${name}` : `\u2193 ${name}` }),
      element("span", { class: "astra-fields" }, ...fields.flatMap(([field, value]) => [
        field ? element("i", { text: field }) : null, element("span", { text: value })]))));
    while (this.rows.childElementCount > MOST_ROWS) this.rows.firstElementChild?.remove();
    if (atEnd) this.rows.scrollTop = this.rows.scrollHeight;
  }

  /** @param {import("./bridge.js").Comparison & import("./bridge.js").Place} comparison */
  #drawComparison(comparison) {
    this.address.last = Math.max(this.address.last, comparison.last);
    this.between.hidden = comparison.points.length === 0 && comparison.doubt === "";
    this.between.replaceChildren(...comparisonTable({ ...comparison, proxied: this.#isProxied(this.url.value) }));
  }

  /** @param {string} text */
  #show(text) {
    this.problem.hidden = text === "";
    setText(this.problem, text);
  }

  /** @param {string} url */
  #isProxied(url) {
    const { addresses, result } = this.address;
    try {
      const own = addresses.candidates.find((each) => url.startsWith(completeAddress(each.url, location.href)));
      if (!own) return false;
      const measured = result?.state === "reached" && url.startsWith(result.url) && result.code !== 1000;
      return own.proxied || measured;
    } catch {
      return false;
    }
  }
}

/** @param {string} name @param {...(Node | string)} parts */
function line(name, ...parts) {
  return element("div", { class: "astra-browser-line" }, element("span", { class: "astra-line-name", text: name }), ...parts);
}

/** @param {string} className @param {string} label @param {import("./dom.js").Options} options */
function input(className, label, options) {
  return element("input", {
    class: `astra-field ${className}`, type: "text", spellcheck: "false", "aria-label": label,
    ...options,
  });
}

/** @param {string[]} options @param {string} title */
function select(options, title) {
  return choice(title, options.map((text) => [text, text]), { title });
}

/** @type {import("@anywidget/types").AnyWidget<Traits>} */
export default {
  render({ model, el, signal }) {
    void new BrowserClientPage(model, el, signal);
  },
};
