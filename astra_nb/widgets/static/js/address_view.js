// Both addresses of the server, and what a real connection from this page found.

import { CAUSES, checkAddresses, describePage, jupyterBase } from "./address_check.js";
import { button, element, setText } from "./dom.js";

export const SHORTLY = { timeout: 1500 }; // a busy kernel is not waited for
const FOR_A_CELL = { timeout: 120_000 }; // that may run before the kernel answers

/**
 * @typedef {import("./address_check.js").Addresses} Addresses
 * @typedef {{ addresses: Addresses }} Traits
 * @typedef {Pick<import("@anywidget/types").AnyModel<Traits>, "get" | "send" | "on" | "off">} Model
 */

export class AddressView {
  /**
   * @param {Model} model
   * @param {import("./bridge.js").Bridge} bridge
   * @param {AbortSignal} signal
   * @param {(view: AddressView) => void} onChange
   */
  constructor(model, bridge, signal, onChange = () => {}) {
    this.model = model;
    this.bridge = bridge;
    this.onChange = onChange;
    this.signal = signal;
    /** Number of the last record of the log, as far as the kernel reported it. */
    this.last = 0;
    /** The path to connect to, which the kernel tells and no notebook stores. */
    this.path = "/";
    /** @type {import("./address_check.js").CheckResult | undefined} */
    this.result = undefined;
    this.kernelAddress = element("code", { class: "astra-address" });
    this.found = element("span", { class: "astra-check", role: "status" });
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
    void bridge.hello();
    this.#draw();
    void this.#start();
  }

  get addresses() {
    return this.model.get("addresses");
  }

  /** `""` where there is no server to reach, or nothing is known yet. */
  get state() {
    return this.result && this.result.cause !== "stopped" ? this.result.state : "";
  }

  get sign() {
    return { reached: "\u2713", blocked: "\u2717", "": "" }[this.state];
  }

  async #start() {
    // The page alone knows where it is; the kernel lets it in for that.
    // Without a kernel the addresses are those of a server that is gone, and nobody asks there.
    setText(this.found, "Waiting for the kernel ...");
    const page = describePage(location, jupyterBase(document));
    const reached = await this.follow(this.bridge.request("page", page, FOR_A_CELL));
    if (this.signal.aborted) return;
    this.#draw();
    if (reached) await this.check();
    else setText(this.found, "The kernel does not answer. Run the cell again, or press Check.");
  }

  /**
   * Note the position in an answer; the page goes on without an answer.
   * @param {Promise<import("./bridge.js").Place>} asked
   * @returns {Promise<boolean>} whether there was an answer
   */
  async follow(asked) {
    try {
      const { last, path = this.path } = await asked;
      this.last = Math.max(this.last, last);
      this.path = path;
      return true;
    } catch {
      return false;
    }
  }

  async check() {
    this.checkButton.disabled = true;
    setText(this.found, "Checking ...");
    await this.follow(this.bridge.request("position", {}, SHORTLY));
    const after = this.last;
    const { addresses } = this;
    const refusal = () => this.bridge.request("refusal", { after }, SHORTLY)
      .then(({ status }) => status, () => 0);
    this.result = await checkAddresses(addresses, refusal);
    this.checkButton.disabled = false;
    const [sentence, advice] = CAUSES[this.result.cause](this.result, addresses);
    this.found.dataset.state = this.state;
    this.found.replaceChildren(...(this.state ? [element("b", { text: `${this.sign} ${this.state} ` })] : []),
      ...(this.state && this.result.url ? [element("code", { text: this.result.url }), ". "] : []), `${sentence} ${advice}`.trim());
    this.bridge.notify("checked", { result: this.result });
    this.#draw();
  }

  #addressesChanged() {
    const was = this.result?.cause;
    this.#draw();
    if (this.addresses.running ? was === "stopped" : was !== "stopped" && was !== undefined) void this.check();
  }

  #draw() {
    setText(this.kernelAddress, this.addresses.url);
    this.onChange(this);
  }
}
