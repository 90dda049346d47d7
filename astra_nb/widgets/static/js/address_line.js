// Both addresses of the server, and what a real connection from this page found.

import { checkAddresses, describeCheck, describePage, jupyterBase } from "./address_check.js";
import { button, element, setText } from "./dom.js";
import { greet } from "./greeting.js";
import { KernelVoice } from "./kernel_voice.js";

const KERNEL_MS = 120_000; // a cell may run for a while before the kernel answers

/** @typedef {import("./address_check.js").CheckResult} CheckResult */

export class AddressLine {
  /**
   * @param {any} model with the trait `addresses`
   * @param {KernelVoice} voice
   * @param {AbortSignal} signal
   * @param {() => void} onChange
   */
  constructor(model, voice, signal, onChange = () => {}) {
    this.model = model;
    this.voice = voice;
    this.onChange = onChange;
    this.signal = signal;
    /** @type {CheckResult | undefined} */
    this.result = undefined;
    this.kernelAddress = element("code", { class: "astra-address" });
    this.found = element("span", { class: "astra-check", attributes: { role: "status" } });
    this.checkButton = button("Check", "Open a real connection from this page to find out which address it reaches", () => this.check());
    this.root = element("div", { class: "astra-addresses" },
      element("div", { class: "astra-address-row" },
        element("span", { class: "astra-line-name", text: "kernel" }), this.kernelAddress,
        element("span", { class: "astra-spring" }), this.checkButton),
      element("div", { class: "astra-address-row" },
        element("span", { class: "astra-line-name", text: "this page" }), this.found));
    const changed = () => this.#addressesChanged();
    model.on("change:addresses", changed);
    signal.addEventListener("abort", () => model.off("change:addresses", changed));
    void greet(model);
    this.#draw();
    void this.#start();
  }

  get addresses() {
    return this.model.get("addresses");
  }

  async #start() {
    // The page alone knows where it is; the kernel lets it in for that.
    // Without a kernel the addresses are those of a server that is gone, and nobody asks there.
    setText(this.found, "Waiting for the kernel ...");
    const page = describePage(location, jupyterBase(document));
    const answer = await this.voice.ask("ready", { kind: "page", ...page }, KERNEL_MS);
    if (this.signal.aborted) return;
    this.#draw();
    if (answer.kind === "ready") await this.check();
    else setText(this.found, "The kernel does not answer. Run the cell again, or press Check.");
  }

  async check() {
    this.checkButton.setAttribute("disabled", "");
    setText(this.found, "Checking ...");
    await this.voice.ask("here", { kind: "where?" });
    const { last } = this.voice;
    const { addresses } = this;
    this.result = await checkAddresses(addresses, () => this.voice.ask("refused", { kind: "refused?", after: last }));
    this.checkButton.removeAttribute("disabled");
    const { sentence, advice } = describeCheck(this.result, addresses);
    const reached = this.result.state === "reached";
    this.found.dataset.state = this.result.state;
    this.found.replaceChildren(
      element("b", { text: `${reached ? "\u2713 reached" : "\u2717 blocked"} ` }),
      ...(this.result.url ? [element("code", { text: this.result.url }), ". "] : []), `${sentence} ${advice}`.trim());
    this.voice.send({ kind: "checked", result: this.result });
    this.#draw();
  }

  #addressesChanged() {
    const was = this.result?.cause;
    this.#draw();
    if (this.addresses.running ? was === "stopped" : was !== "stopped" && was !== undefined) void this.check();
  }

  #draw() {
    setText(this.kernelAddress, this.addresses.url);
    this.onChange();
  }
}
