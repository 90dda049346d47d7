// What a person typed into the payload field, read as text, hex or a byte table.

import { quoted } from "./format.js";

/**
 * Return what was typed as bytes.
 * @param {string} typed
 * @param {string} format "text", "hex", or "byte table" such as 0, 88, 14
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function parseBytes(typed, format) {
  if (format === "text") return Uint8Array.from(new TextEncoder().encode(typed));
  if (format === "hex") {
    const digits = typed.replace(/0x|[\s:,-]/gi, "");
    if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error("Bytes in hex are two digits each, such as 00 58 0e 43 2d.");
    return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  }
  const words = typed.replace(/[[\](){}]/g, " ").split(/[\s,;]+/).filter((word) => word !== "");
  for (const [place, word] of words.entries()) {
    if (!/^\d{1,3}$/.test(word) || Number(word) > 255) {
      throw new Error(`Item ${place} of the byte table is ${quoted(word, 20)}; each one is a number from 0 to 255.`);
    }
  }
  return Uint8Array.from(words, Number);
}
