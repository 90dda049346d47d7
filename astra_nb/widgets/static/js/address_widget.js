// The widget that shows both addresses, and nothing else.

import { AddressLine } from "./address_line.js";
import { element } from "./dom.js";
import { KernelVoice } from "./kernel_voice.js";

export default {
  /** @param {{ model: any, el: HTMLElement, signal: AbortSignal }} context */
  render({ model, el, signal }) {
    const line = new AddressLine(model, new KernelVoice(model, signal), signal);
    el.append(element("div", { class: "astra-browser" }, line.root));
  },
};
