// What the last click did, and the code that does the same. It also says hello to the panel's
// controls, so that the kernel answers them in a subshell while a cell runs.

import { button, element, setText } from "./dom.js";

const HELLO = { event: "hello" };

/**
 * Say hello to one control, now and whenever the kernel has changed it.
 * @param {any} manager
 * @param {string} id
 */
async function greet(manager, id) {
  try {
    const control = await manager.get_model(id);
    control.send(HELLO, {});
  } catch {
    // A control that is closed by now needs no greeting.
  }
}

export default {
  /** @param {{ model: any, signal: AbortSignal }} context */
  initialize({ model, signal }) {
    const greetAll = () => {
      model.send(HELLO);
      for (const id of model.get("controls")) greet(model.widget_manager, id);
    };
    model.on("change:controls", greetAll);
    signal.addEventListener("abort", () => model.off("change:controls", greetAll));
    greetAll();
  },

  /** @param {{ model: any, el: HTMLElement, signal: AbortSignal }} context */
  render({ model, el, signal }) {
    const sentence = element("p", { class: "astra-sentence", attributes: { role: "status", "aria-live": "polite" } });
    const code = element("code", { class: "astra-code", attributes: { tabindex: 0, "aria-label": "The code that does the same" } });
    const copy = button("Copy", "Copy this line of code", async () => {
      await navigator.clipboard.writeText(model.get("code"));
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    });
    const line = element("div", { class: "astra-code-line" }, code, copy);
    el.append(element("div", { class: "astra-action" }, sentence, line));
    const draw = () => {
      setText(sentence, model.get("sentence"));
      sentence.classList.toggle("astra-failed", model.get("failed"));
      setText(code, model.get("code"));
      line.style.visibility = model.get("code") === "" ? "hidden" : "visible";
    };
    for (const name of ["sentence", "failed", "code"]) model.on(`change:${name}`, draw);
    signal.addEventListener("abort", () => {
      for (const name of ["sentence", "failed", "code"]) model.off(`change:${name}`, draw);
    });
    draw();
  },
};
