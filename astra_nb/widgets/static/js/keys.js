// The list of keys, opened with `?`.

import { element } from "./dom.js";

const KEYS = [
  ["/", "filter"], ["j k \u2191 \u2193", "rows"], ["Home End", "first, last row"], ["Enter", "open the inspector"], ["Esc", "close it"], ["n N", "next, previous error"],
  ["f", "follow the row's connection"], ["g", "keep the newest row in sight"], ["p", "pause"], ["1 2 3 4", "tabs of the inspector"], ["e", "edit and send again"],
  ["Ctrl+C", "copy the payload"], ["m", "pin to compare, unpin (or Shift and click)"], ["s", "save or open"], ["Alt+1 \u2026 4", "send text, bytes, ping, pong"], ["t", "times relative to this row"], ["?", "this list"],
];

/** Make the list, hidden. */
export function listOfKeys() {
  const entries = KEYS.flatMap(([key = "", what = ""]) => [element("dt", { text: key }), element("dd", { text: what })]);
  const list = element("div", { class: "astra-keys", role: "dialog", "aria-label": "Keys" }, element("dl", {}, ...entries));
  list.hidden = true;
  return list;
}
