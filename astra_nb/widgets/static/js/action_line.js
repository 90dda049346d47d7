// What the last click did, and the code that does the same. It also says hello to the panel's
// controls, so that the kernel answers them in a subshell while a cell runs.

import { button, element, setText } from "./dom.js";
import { greet } from "./greeting.js";

/**
 * Greet one control.
 * @param {any} manager
 * @param {string} id
 */
async function greetControl(manager, id) {
  try {
    await greet(await manager.get_model(id));
  } catch {
    // A control that is closed by now needs no greeting.
  }
}

export default {
  /** @param {{ model: any, signal: AbortSignal }} context */
  initialize({ model, signal }) {
    const greetAll = () => {
      for (const id of model.get("controls")) greetControl(model.widget_manager, id);
    };
    model.on("change:controls", greetAll);
    signal.addEventListener("abort", () => model.off("change:controls", greetAll));
    // Once this widget's messages go by a subshell, those of the others do.
    greet(model).then(greetAll);
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
