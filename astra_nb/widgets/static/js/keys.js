// The keys of a panel: what each does, and the list of them, opened with `?`.

import { KINDS } from "./composer.js";
import { element } from "./dom.js";

const KEYS = [
  ["/", "filter"], ["j k \u2191 \u2193", "rows"], ["Home End", "first, last row"], ["Enter", "open the inspector"], ["Esc", "close it"], ["n N", "next, previous error"],
  ["f", "follow the row's connection"], ["g", "keep the newest row in sight"], ["p", "pause"], ["1 2 3 4", "tabs of the inspector"], ["e", "edit and send again"],
  ["Ctrl+C", "copy the payload"], ["m", "pin to compare, unpin (or Shift and click)"], ["s", "save or open"], ["Alt+1 \u2026 4", "send text, bytes, ping, pong"], ["t", "times relative to this row"], ["?", "this list"],
];

/** Make the list, hidden. */
export function listOfKeys() {
  const entries = KEYS.flatMap(([key = "", what = ""]) => [element("dt", { text: key }), element("dd", { text: what })]);
  return element("div", { class: "astra-keys", role: "dialog", "aria-label": "Keys", hidden: true }, element("dl", {}, ...entries));
}

/** Do what a key stands for. @param {import("./panel.js").View} panel @param {KeyboardEvent} event */
export function pressed(panel, event) {
  // Jupyter's own shortcuts listen further out.
  event.stopPropagation();
  const target = /** @type {HTMLElement} */ (event.target);
  const typing = target.matches("input, textarea, select");
  if (event.key === "Escape") {
    if (!panel.keys.hidden) panel.keys.hidden = true;
    else if (target === panel.toolbar.text && panel.toolbar.text.value) {
      event.preventDefault(); // a browser that clears the field may not say so
      panel.toolbar.text.value = "";
      panel.toolbar.text.dispatchEvent(new Event("input"));
    } else if (typing) panel.list.scroller.focus();
    else panel.close();
    return;
  }
  const kind = event.altKey ? ["Digit1", "Digit2", "Digit3", "Digit4"].indexOf(event.code) : -1;
  if (kind >= 0) {
    event.preventDefault();
    panel.composer.send(KINDS[kind] ?? "");
    return;
  }
  if (typing) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "c" && panel.list.chosen && String(getSelection()) === "") {
    event.preventDefault();
    void panel.inspector.copy("payload", undefined, panel.list.chosen);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const onRows = target === panel.list.scroller || target.closest(".astra-rows") !== null;
  const { list, inspector } = panel;
  const step = (/** @type {number} */ by) => { panel.showList(); list.step(by); };
  /** @type {Record<string, () => void>} */
  const acts = {
    "/": () => panel.toolbar.text.focus(),
    j: () => step(1), k: () => step(-1),
    n: () => panel.error(1), N: () => panel.error(-1),
    f: () => panel.follow(panel.store.rows.get(list.chosen)?.connection ?? 0),
    p: () => panel.toolbar.pause.click(), g: () => panel.toolbar.follow.click(),
    e: () => void panel.edit(), m: () => inspector.togglePin(), t: () => panel.time(list.timeForm === "chosen" ? "relative" : "chosen"),
    s: () => panel.toolbar.openSave(),
    "?": () => { panel.keys.hidden = !panel.keys.hidden; },
    1: () => inspector.openTab("Payload"), 2: () => inspector.openTab("Bits"), 3: () => inspector.openTab("Handshake"), 4: () => inspector.openTab("Why"),
    ...(onRows ? {
      ArrowDown: () => list.step(1), ArrowUp: () => list.step(-1), PageDown: () => list.step(list.pageStep()), PageUp: () => list.step(-list.pageStep()),
      Home: () => list.step(-1, true), End: () => list.step(1, true), Enter: () => inspector.body.focus(),
    } : {}),
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
