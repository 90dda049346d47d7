// The composer: to whom, the payload, four send buttons, and a button for every close code.

import { connectForm } from "./connect_form.js";
import { button, choice, copyText, element, field, group, icon, isOther, payloadField, removable, roveFocus, setText, toggle, word } from "./dom.js";
import { TapControls } from "./tap_controls.js";
import { Target, numberIn } from "./target.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {{ to?: number | "everyone", by?: number }} To
 */

const TAP_RULES = "Rules\u2026";
export const KINDS = ["text", "bytes", "ping", "pong"];
/** The drawers: the word and the title of the button that opens each. */
const DRAWERS = /** @type {Record<string, [string, string]>} */ ({
  fragments: ["Fragments\u2026", "Send one message in several frames"],
  rules: ["Break a rule\u2026", "Put bytes on the wire that break RFC 6455"],
  saved: ["Saved\u2026", "Saved payloads and requests"],
  connect: ["Connect\u2026", "Open a client in the kernel"],
  tap: [TAP_RULES, "Delay, drop, replace or hold messages that pass through the tap"],
});

export class Composer {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.catalog = store.model.get("catalog");
    this.kind = "text"; // that Enter sends: the last kind of message, or what is edited
    this.drawer = "";
    this.kept = ""; // what is in the drawer of what was saved, while it is open
    this.chosen = new Target();
    this.chosenName = ""; // while it was open
    /** The control that was clicked last, until another one is pointed at. @type {Element | null} */
    this.used = null;
    /** The saved request that is in the connect form. @type {import("./bridge.js").SavedRequest | null} */
    this.request = null;
    /** @type {TapControls | null} */
    this.controls = null;
    this.from = element("span", { class: "astra-label" }); // which end sends
    this.to = choice("", [], { class: "astra-to", onchange: () => this.#pick() });
    this.payload = payloadField(this.catalog.formats, { "aria-label": "Payload", placeholder: "Payload" }, () => this.send(this.kind));
    this.sends = new Map(KINDS.map((kind) => [kind, button(`Send ${kind}`, `Send the payload as ${kind} (Enter sends as the highlighted type)`, () => this.send(kind))]));
    this.reason = element("input", { class: "astra-field astra-reason", placeholder: "reason", "aria-label": "Close reason", oninput: () => this.#count() });
    this.count = element("span", { class: "astra-in" });
    this.code = element("code", { class: "astra-code" });
    this.sentence = element("span", { class: "astra-sentence" });
    this.sign = element("span", { class: "astra-sign", "aria-hidden": "true" });
    this.copy = button("Copy", "Copy the line of Python", () => copyText(this.copy, this.code.textContent ?? ""), "astra-bare");
    this.hint = element("span", { class: "astra-hint-line" });
    this.openers = new Map(Object.entries(DRAWERS).map(([name, [label, title]]) => [name,
      button(label, title, () => this.open(this.drawer === name ? "" : name), "astra-bare", { "aria-expanded": "false" })]));
    this.drawerRoot = element("div", { class: "astra-drawer", hidden: true });
    this.said = element("div", { class: "astra-said", role: "status" }, this.sign, this.sentence, this.hint, element("span", { class: "astra-spring" }), this.code, this.copy);
    const label = (/** @type {string} */ text) => element("span", { class: "astra-label", text });
    this.form = element("div", { class: "astra-form" },
      this.from, this.to,
      this.payload.root, group("Send", [...this.sends.values()], "astra-sends"),
      element("span", { class: "astra-more" }, ...["fragments", "rules", "saved", "connect"].map((name) => this.openers.get(name) ?? null)),
      label("Close with"),
      element("span", { class: "astra-reason-field" }, this.reason, this.count),
      this.#codes(), this.drawerRoot);
    this.root = element("section", { class: "astra-composer", "aria-label": "Send" }, this.form, this.said);
    this.root.addEventListener("pointerover", (event) => this.#hint(event.target));
    this.root.addEventListener("focusin", (event) => this.#hint(event.target));
    this.root.addEventListener("pointerleave", () => this.#hint(null));
    this.root.addEventListener("focusout", () => this.#hint(null));
    this.root.addEventListener("click", (event) => {
      this.#hint(null);
      this.used = event.target instanceof Element ? event.target.closest("[data-says]") : null;
    });
    this.#count();
    this.#setKind("text");
  }

  #codes() {
    const { codes, ranges } = this.catalog;
    const one = (/** @type {import("./store.js").Code} */ { code, name, says }) => {
      const made = button(String(code), "", () => this.close(code), "astra-close-code",
        { "data-says": `${code} ${name}: ${says}`, "aria-label": `Close with ${code}, ${name}: ${says}` });
      if (code === 1006) made.append(word("drops"));
      return made;
    };
    const sent = group("Close codes that may be sent", codes.filter((each) => each.sent).map(one));
    const never = group("Close codes that are only reported", codes.filter((each) => !each.sent).map(one), "astra-never");
    const made = ranges.map(({ first, last, says }) => {
      const number = element("input", { class: "astra-field", value: first, inputmode: "numeric", "aria-label": `Close code from ${first} to ${last}`, "data-says": says,
        onkeydown: (event) => { if (event.key === "Enter") go.click(); } });
      const go = button("", "", () => this.close(Number(number.value)), "astra-icon-button",
        { sign: "go", "data-says": says, "aria-label": `Close with this code: ${says}` });
      return element("span", { class: "astra-range" }, number, go);
    });
    roveFocus(sent, "button");
    roveFocus(never, "button");
    return element("div", { class: "astra-codes" }, sent, element("span", { class: "astra-never-word", text: "only reported" }), never, ...made);
  }

  /** Show what a control means in the line below. @param {EventTarget | null} target */
  #hint(target) {
    const control = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest("[data-says]")) : null;
    if (control && control === this.used) return; // the line says what came of the click
    this.used = null;
    const says = control?.dataset.says ?? "";
    if (this.hint.textContent === says) return;
    setText(this.hint, says);
    this.said.classList.toggle("astra-hinting", says !== "");
  }

  /** @returns {To} */
  get target() {
    const { chosen } = this.chosen;
    if (chosen === "everyone") return { to: "everyone" };
    const number = numberIn(chosen);
    if (!number) return {};
    return chosen.startsWith("c") ? { by: number } : { to: number };
  }

  get targetName() {
    return this.to.selectedOptions[0]?.textContent ?? "nobody";
  }

  #pick() {
    if (this.to.value === "connect") {
      this.to.value = this.chosen.chosen;
      this.open("connect");
    } else this.chosen.pick(this.to.value);
    this.#drawTo();
  }

  get #end() {
    return this.target.by !== undefined || !this.store.status.of_server ? "client" : "server";
  }

  #drawTo() {
    const { status } = this.store;
    const { chosen } = this;
    const servers = status.targets.filter((each) => each.server);
    const clients = status.targets.filter((each) => each.client);
    chosen.update([...(status.of_server ? servers.map(({ id }) => String(id)) : []), ...clients.map(({ id }) => `c${id}`)]);
    if (!isOther(this.to, status.targets, status.of_server, chosen.chosen)) return;
    const group = (/** @type {string} */ label, /** @type {Node[]} */ options) => element("optgroup", { label }, ...options);
    const option = (/** @type {string} */ value, /** @type {string} */ text) => element("option", { value, text });
    this.to.replaceChildren(
      ...(chosen.ended ? [option(chosen.chosen, `${this.chosenName} closed`)] : []),
      ...(status.of_server ? [group("the server sends to", [
        ...servers.map(({ id, path }) => option(String(id), `#${id} ${path}`)),
        ...(servers.length > 1 || chosen.chosen === "everyone" ? [option("everyone", `everyone (${servers.length})`)] : [])])] : []),
      ...(clients.length > 0 ? [group("a client sends", clients.map(({ id, path }) => option(`c${id}`, status.of_server ? `#${id} by its client` : `#${id} ${path}`)))] : []),
      ...(chosen.chosen === "" ? [option("", "no connection")] : []),
      option("connect", "connect a client \u2026"));
    this.to.value = chosen.chosen;
    this.to.classList.toggle("astra-ended", chosen.ended);
    if (!chosen.ended) this.chosenName = this.targetName;
    setText(this.from, this.#end === "client" ? "Client to" : "Server to");
    this.to.setAttribute("aria-label", this.from.textContent ?? "");
  }

  /** A connection was chosen, in a row or in the table. @param {number} connection */
  suggest(connection) {
    const replaces = this.chosen.suggest(connection);
    this.#drawTo();
    if (replaces) this.store.say(`Now to ${this.targetName}, the connection of the chosen row.`);
  }

  drawTargets() {
    const { status } = this.store;
    this.#drawTo();
    if (status.tap) this.#drawTap(status.tap.rules.length);
    this.form.hidden = this.controls !== null;
    this.root.hidden = !status.sends && !status.tap;
    if (this.drawer === "saved" && this.kept !== this.#kept) this.#fill();
  }

  get #kept() {
    const { saved, requests } = this.store.status;
    return JSON.stringify([saved, requests]);
  }

  /** @param {number} count of the tap's rules */
  #drawTap(count) {
    const opener = this.openers.get("tap") ?? null;
    if (this.controls === null) {
      this.controls = new TapControls(this.store, this.catalog.formats);
      this.controls.root.append(element("span", { class: "astra-more" }, opener), this.drawerRoot);
      this.root.prepend(this.controls.root);
    }
    if (opener) setText(opener, count === 0 ? TAP_RULES : `${TAP_RULES} (${count})`);
    this.controls.draw();
  }

  /** @param {string} kind */
  #setKind(kind) {
    this.kind = kind;
    for (const [name, made] of this.sends) made.classList.toggle("astra-main", name === kind);
  }

  /** @param {string} kind */
  send(kind) {
    if (!this.store.status.sends) return this.store.say("This panel cannot send.", true);
    if (kind === "text" || kind === "bytes") this.#setKind(kind);
    void this.store.act(`send_${kind}`, { options: this.target, ...this.payload.read() });
  }

  /** @param {number} code */
  close(code) {
    const reason = this.reason.value;
    void this.store.act("send_close", { arguments: [code], options: { ...(reason ? { reason } : {}), ...this.target } });
  }

  /**
   * Put a payload into the field, to be changed and sent.
   * @param {string} payload @param {string} format @param {string} kind @param {string} from
   */
  edit(payload, format, kind, from) {
    if (!this.store.status.sends) return this.store.say("This panel cannot send.", true);
    this.payload.write(payload, format);
    if (KINDS.includes(kind)) this.#setKind(kind);
    this.payload.input.focus();
    this.store.say(`${from}; ${this.chosen.ended ? `${this.chosenName} has closed, so choose where it goes` : `it goes to ${this.targetName} when you press Send ${this.kind}`}.`);
  }

  #count() {
    const size = new TextEncoder().encode(this.reason.value).length;
    setText(this.count, `${size} of ${this.catalog.max_reason}`);
    this.count.classList.toggle("astra-wrong", size > this.catalog.max_reason);
  }

  drawSaid() {
    const { sentence, failed, code } = this.store.said;
    setText(this.sentence, sentence);
    setText(this.code, code);
    this.copy.hidden = code === "";
    this.said.classList.toggle("astra-failed", failed);
    this.sign.replaceChildren(...(sentence === "" ? [] : [icon(failed ? "bad" : "ok")]));
  }

  /** Open a drawer in place; one at a time. @param {string} name */
  open(name) {
    this.drawer = name;
    if (name !== "connect") this.request = null;
    if (name === "tap") this.store.open(); // a cell may have changed the rules
    for (const [each, opener] of this.openers) opener.setAttribute("aria-expanded", String(each === name));
    this.drawerRoot.hidden = name === "";
    this.#fill();
    if (name !== "") /** @type {HTMLElement | null} */ (this.drawerRoot.querySelector("input, select, button"))?.focus();
  }

  #fill() {
    const parts = { fragments: () => this.#fragments(), rules: () => this.#rules(), saved: () => this.#savedOnes(), connect: () => connectForm(this.store, this.request, () => this.chosen.release()), tap: () => this.controls?.drawer ?? [] }[this.drawer];
    this.drawerRoot.replaceChildren(...(parts ? parts() : []));
    this.kept = this.drawer === "saved" ? this.#kept : "";
  }

  #fragments() {
    const parts = field("Fragments", "3", "astra-number");
    const cuts = field("or cut before bytes", "", "", "3, 7");
    const ping = toggle("a ping between", "Send a PING after the first fragment", false, () => {});
    const send = (/** @type {string} */ type) => button(`Send ${type} in fragments`, `One ${type} message in several frames`, () => this.store.act("send_fragments", {
      arguments: [type], ...this.payload.read(),
      options: {
        ...(cuts.input.value ? { cuts: cuts.input.value } : { parts: Math.max(1, Math.min(100, Number(parts.input.value) || 1)) }),
        ...(ping.getAttribute("aria-pressed") === "true" ? { ping: true } : {}), ...this.target,
      },
    }));
    return [parts.root, cuts.root, ping, send("text"), send("bytes")];
  }

  #rules() {
    const end = this.#end;
    /** @param {string} label @param {string} name @param {object} fields @param {string} says */
    const act = (label, name, fields, says, more = {}) =>
      button(label, "", () => this.store.act(name, { options: this.target, ...fields }), "",
        { "data-says": says, ...more });
    const of = (/** @type {string} */ stage) => this.catalog.rules.filter((each) => each.stage === stage && each.sends[end] !== undefined).map(({ name, says, sends }) => {
      const what = stage === "conduct" ? "" : `A click ${sends[end] ? `sends ${sends[end]?.slice(0, 60)}` : "drops TCP"}. `;
      return act(name, "break_rule", { arguments: [name] }, what + says, { "aria-description": says });
    });
    const raw = button("payload as raw bytes", "",
      () => this.store.act("send_raw", { options: this.target, ...this.payload.read() }), "",
      { "data-says": "Put the payload's bytes on the wire as they are, without a header." });
    const pong = (/** @type {boolean} */ on) =>
      act(`automatic pong ${on ? "on" : "off"}`, "set_automatic_pong", { arguments: [on] },
        "Whether the sending end answers each PING by itself (RFC 6455, section 5.5.2).");
    return [...of("frame"), raw, element("span", { class: "astra-label", text: "From now on" }), ...of("conduct"), pong(false), pong(true)];
  }

  #savedOnes() {
    const { saved, requests } = this.store.status;
    const save = button("Save this payload", "Keep what is in the payload field", () => this.store.act("save_payload", { arguments: Object.values(this.payload.read()) }));
    const kept = (/** @type {string} */ name, /** @type {string} */ title, /** @type {() => void} */ load, /** @type {() => void} */ forget) =>
      removable(button(name, title, load), name, forget);
    return [...saved.map(({ name, payload, format }, index) => kept(name, "Put it into the payload field",
      () => this.edit(payload, format, this.kind, "A saved payload"), () => this.store.act("forget_payload", { arguments: [index] }))),
    ...requests.map((request) => kept(`${request.number} \u00b7 ${request.address || "/"}${Object.keys(request.headers).length ? " with headers" : ""}`, "Put it into the connect form",
      () => { this.request = request; this.open("connect"); }, () => this.store.act("forget_request", { arguments: [request.number] }))), save];
  }
}
