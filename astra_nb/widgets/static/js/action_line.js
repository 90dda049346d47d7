// What the last click did, and the code that does the same. It also says hello for the whole
// panel, so that the kernel answers it in a subshell while a cell runs.

import { button, element, setText } from "./dom.js";
import { greet } from "./greeting.js";

export default {
  /** @param {{ model: any }} context */
  initialize({ model }) {
    greet(model);
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
