// Feedback on the last click: what it did, and the code that does the same. Its hello also makes
// the controls around it reachable while a cell runs.

import { Bridge } from "./bridge.js";
import { button, copyText, element, setText } from "./dom.js";

/** @typedef {{ sentence: string, failed: boolean, code: string }} Traits */

/** @type {import("@anywidget/types").AnyWidget<Traits>} */
export default {
  initialize({ model, signal }) {
    void new Bridge(model, signal).hello();
  },

  render({ model, el, signal }) {
    const sentence = element("p", { class: "astra-sentence", role: "status", "aria-live": "polite" });
    const code = element("code", { class: "astra-code", tabindex: 0, "aria-label": "The code that does the same" });
    const copy = button("Copy", "Copy this line of code", () => copyText(copy, code));
    const line = element("div", { class: "astra-code-line" }, code, copy);
    el.append(element("div", { class: "astra-action" }, sentence, line));
    const draw = () => {
      setText(sentence, model.get("sentence"));
      sentence.classList.toggle("astra-failed", model.get("failed"));
      setText(code, model.get("code"));
      line.style.visibility = model.get("code") === "" ? "hidden" : "visible";
    };
    for (const name of /** @type {const} */ (["sentence", "failed", "code"])) {
      model.on(`change:${name}`, draw);
      signal.addEventListener("abort", () => model.off(`change:${name}`, draw));
    }
    draw();
  },
};
