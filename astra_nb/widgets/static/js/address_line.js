// The widget that shows both addresses, and nothing else.

import { AddressView } from "./address_view.js";
import { Bridge } from "./bridge.js";
import { element } from "./dom.js";

/** @type {import("@anywidget/types").AnyWidget<import("./address_view.js").Traits>} */
export default {
  render({ model, el, signal }) {
    const view = new AddressView(model, new Bridge(model, signal), signal);
    el.append(element("div", { class: "astra-browser" }, view.root));
  },
};
