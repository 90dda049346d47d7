// The controls of a tap: what its rules hold, to be edited and let go, and the rules themselves.

import { button, choice, element, field, group, isOther, payloadField, removable, setText, toggle } from "./dom.js";
import { messageOf } from "./format.js";

/** @typedef {import("./store.js").Store} Store */

const ACTS = /** @type {[string, string, string][]} */ ([
  ["delay", "delay by", "seconds"], ["drop", "drop", ""], ["replace", "replace by", "text"],
  ["cut", "cut TCP after", "bytes"], ["hold", "hold", ""],
]);
const SENDERS = /** @type {[string, string][]} */ ([["", "from either end"], ["client", "from the client"], ["server", "from the server"]]);
const TYPES = /** @type {[string, string][]} */ ([["", "any message"], ...["text", "bytes", "ping", "pong", "close"].map((each) => [each, each])]);
const DOWN = "The tap was shut down: no rule acts; run tap(\u2026) again.";

export class TapControls {
  /** @param {Store} store @param {string[]} formats */
  constructor(store, formats) {
    this.store = store;
    this.edited = 0; // the number of the message whose payload is in the field
    this.first = element("span", { class: "astra-held", role: "status" });
    this.payload = payloadField(formats, { "aria-label": "Payload of the held message", placeholder: "Edit puts the payload of a held message here" }, () => this.#letGo());
    this.edit = button("Edit", "Put the payload of the first held message into the field", () => this.#edit());
    this.go = button("Let go", "Pass the message on with the payload in the field (Enter)", () => this.#letGo());
    this.release = button("Release", "Pass on the first held message as it is", () => this.store.act("release", { arguments: [this.#tap?.first?.number] }));
    this.all = button("Release all", "Pass on all held messages as they are", () => this.store.act("release"));
    this.root = element("div", { class: "astra-form astra-tap" },
      element("span", { class: "astra-label", text: "Held" }), this.first,
      this.payload.root, group("Held messages", [this.edit, this.go, this.release, this.all]));
    this.list = element("div", { class: "astra-rules", role: "group", "aria-label": "The rules of the tap" });
    this.sender = choice("Whose messages", SENDERS);
    this.type = choice("Type of the messages", TYPES);
    this.text = field("that contain", "", "", "anything");
    this.act = choice("What the rule does", ACTS.map(([name, word]) => [name, word]));
    this.value = element("input", { class: "astra-field", "aria-label": "Value for the rule", onkeydown: (event) => { if (event.key === "Enter") this.#add(); } });
    this.act.addEventListener("change", () => this.#drawValue());
    this.add = button("Add rule", "The rule takes effect with the next message, on every connection of the tap", () => this.#add(), "astra-main");
    this.drawer = [this.list, this.type, this.sender, this.text.root, element("span", { class: "astra-label", text: "\u2192" }), this.act, this.value, this.add];
    this.#drawValue();
  }

  get #tap() {
    return this.store.status.tap;
  }

  #drawValue() {
    const what = ACTS.find(([name]) => name === this.act.value)?.[2] ?? "";
    this.value.hidden = what === "";
    this.value.placeholder = what;
    this.value.classList.toggle("astra-number", what !== "text");
  }

  #add() {
    const { value: typed } = this.value;
    const act = this.act.value;
    const isNumber = (act !== "replace" || this.type.value === "close") && typed.trim() !== "" && Number.isFinite(Number(typed));
    void this.store.act("add_rule", {
      arguments: this.value.hidden ? [act] : [act, isNumber ? Number(typed) : typed],
      options: {
        ...(this.sender.value ? { sender: this.sender.value } : {}), ...(this.type.value ? { type: this.type.value } : {}),
        ...(this.text.input.value ? { text: this.text.input.value } : {}),
      },
    });
  }

  async #edit() {
    const { first } = this.#tap ?? {};
    if (!first) return;
    try {
      const { text, format } = await this.store.bridge.request("held", { number: first.number });
      this.edited = first.number;
      this.draw();
      this.payload.write(text, format);
      this.payload.input.focus();
      this.store.say(`Message ${first.number} is in the field. Let go passes it on with the payload that the field has then.`);
    } catch (problem) {
      this.store.say(messageOf(problem), true);
    }
  }

  async #letGo() {
    if (!this.edited) return this.store.say("Nothing is being edited: press Edit while a message is held.", true);
    await this.store.act("release", { arguments: [this.edited], ...this.payload.read() });
    if (this.store.said.failed) return;
    this.edited = 0;
    this.payload.write("", this.payload.read().format);
    this.draw();
  }

  draw() {
    const tap = this.#tap;
    if (!tap) return;
    setText(this.first, !tap.running ? DOWN : tap.first ? `${tap.held} held, first is message ${tap.first.number}: ${tap.first.says}` : "nothing is held");
    this.first.title = this.first.textContent ?? "";
    this.first.classList.toggle("astra-quiet", tap.first === null);
    this.edit.hidden = this.edited !== 0;
    this.go.hidden = this.edited === 0;
    this.go.classList.toggle("astra-main", this.edited !== 0);
    this.edit.disabled = this.release.disabled = this.all.disabled = !tap.running || tap.first === null;
    this.go.disabled = this.add.disabled = !tap.running;
    if (!isOther(this.list, tap.running, tap.rules)) return;
    const focused = this.list.contains(document.activeElement);
    this.list.replaceChildren(...(tap.rules.length === 0 ? [element("span", { class: "astra-quiet", text: "No rule yet: every message passes as it is." })] : []),
      ...tap.rules.map(({ number, says, on }) => {
        if (number === 0) return element("span", { class: "astra-function", title: "A function of tap.rules; change it in a cell", text: `function ${says}` });
        const made = toggle(`${on ? "on" : "off"} \u00b7 ${number} \u00b7 ${says}`, `Switch rule ${number} ${on ? "off" : "on"}`, on, (next) => this.store.act("switch_rule", { arguments: [number, next] }));
        const both = removable(made, `rule ${number}`, () => this.store.act("remove_rule", { arguments: [number] }));
        for (const each of both.querySelectorAll("button")) each.disabled = !tap.running;
        return both;
      }));
    if (focused) this.add.focus();
  }
}
