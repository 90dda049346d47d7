// The figure of RFC 6455, section 5.2, filled with the bits of one frame.

import { element } from "./dom.js";
import { counted } from "./format.js";

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {number} first_bit counted from the start of the frame
 * @property {number} bit_count
 * @property {string} value
 * @property {string} meaning
 * @property {string} section
 * @typedef {{ field: Field, index: number, row: number, column: number, span: number, from: number, begins: boolean }} Cell
 */

const BITS = 32;

/**
 * Lay the header's fields out in rows of 32 bits; a field that crosses a row gets a cell in each.
 * The payload gets one cell, whatever its length.
 * @param {Field[]} fields
 * @returns {Cell[]}
 */
export function figureCells(fields) {
  /** @type {Cell[]} */
  const cells = [];
  fields.forEach((field, index) => {
    let at = field.first_bit;
    const end = at + (isPayload(field) ? BITS - (at % BITS) : field.bit_count);
    while (at < end) {
      const column = at % BITS;
      const span = Math.min(BITS - column, end - at);
      cells.push({ field, index, row: Math.floor(at / BITS), column, span, from: at, begins: at === field.first_bit });
      at += span;
    }
  });
  return cells;
}

/** @param {Field} field */
function isPayload(field) {
  return field.name === "payload";
}

/**
 * Bits of a run of bytes as a string of 0 and 1, with a gap between bytes.
 * @param {Uint8Array} bytes @param {number} first @param {number} count
 */
export function bitsOf(bytes, first, count) {
  let text = "";
  for (let at = first; at < Math.min(first + count, 8 * bytes.length); at += 1) {
    if (at > first && at % 8 === 0) text += " ";
    text += ((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1;
  }
  return text;
}

/**
 * Draw the figure. Every field is a button in one roving group; pointing at it or focusing it
 * calls `onField`.
 * @param {Field[]} fields
 * @param {Uint8Array} bytes the frame, or its beginning
 * @param {(index: number) => void} onField
 */
export function drawFigure(fields, bytes, onField) {
  const ruler = element("div", { class: "astra-figure-ruler", "aria-hidden": "true" },
    ...Array.from({ length: BITS }, (_, bit) => element("span", { text: String(bit % 10) })));
  const body = element("div", { class: "astra-figure-body", role: "group", "aria-label": "Header fields, bit by bit" });
  for (const cell of figureCells(fields)) {
    const { field } = cell;
    const narrow = cell.span <= 2;
    const payload = isPayload(field);
    const bits = payload ? counted(field.bit_count / 8, "byte") : bitsOf(bytes, cell.from, cell.span);
    const name = cell.begins ? field.name : `${field.name} (continued)`;
    const show = () => onField(cell.index);
    body.append(element("button", {
      class: `astra-figure-cell${narrow ? " astra-narrow" : ""}`,
      type: "button", "data-field": cell.index,
      "aria-label": `${field.name}: ${field.value}. ${field.meaning}`,
      style: `grid-column: ${cell.column + 1} / span ${cell.span}; grid-row: ${cell.row + 1}`,
      onmouseenter: show, onfocus: show, onclick: show,
    },
    element("span", { class: "astra-figure-name", text: name }),
    element("span", { class: "astra-figure-bits", text: bits })));
  }
  return element("div", { class: "astra-figure" }, ruler, body);
}
