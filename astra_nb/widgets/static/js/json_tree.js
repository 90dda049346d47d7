// A JSON payload as a tree of <details>, bounded in width and depth.

import { element, button } from "./dom.js";
import { counted, visible } from "./format.js";

const CHILDREN_AT_ONCE = 100;
const OPEN_DEPTH = 2;

/**
 * Parse a text that looks like a JSON object or array; undefined when it is not one.
 * @param {string} text
 * @returns {unknown}
 */
export function parseTree(text) {
  const trimmed = text.trim();
  if (!/^[[{]/.test(trimmed)) return undefined;
  try {
    return JSON.parse(trimmed);
  } catch {
    return undefined;
  }
}

/**
 * @param {unknown} value
 * @param {string} [name]
 * @param {number} [depth]
 * @returns {HTMLElement}
 */
export function drawTree(value, name = "", depth = 0) {
  const label = name === "" ? null : element("span", { class: "astra-json-name", text: `${visible(name)}: ` });
  if (value === null || typeof value !== "object") {
    const kind = value === null ? "null" : typeof value;
    const text = typeof value === "string" ? `"${visible(value)}"` : String(value);
    return element("div", { class: "astra-json-leaf" }, label, element("span", { class: `astra-json-${kind}`, text }));
  }
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const holder = element("div", { class: "astra-json-children" });
  let shown = 0;
  const more = () => {
    for (const [key, child] of entries.slice(shown, shown + CHILDREN_AT_ONCE)) {
      holder.append(drawTree(child, isList ? `[${key}]` : key, depth + 1));
    }
    shown = Math.min(entries.length, shown + CHILDREN_AT_ONCE);
    if (shown < entries.length) {
      const next = button(counted(entries.length - shown, "more item"), "Show more of them", () => {
        next.remove();
        more();
      });
      holder.append(next);
    }
  };
  const details = element("details", { class: "astra-json", open: depth < OPEN_DEPTH },
    element("summary", {}, label,
      element("span", { class: "astra-muted", text: isList ? `[${counted(entries.length, "item")}]` : `{${counted(entries.length, "key")}}` })),
    holder);
  if (depth < OPEN_DEPTH) more();
  else details.addEventListener("toggle", () => shown === 0 && more(), { once: true });
  return details;
}
