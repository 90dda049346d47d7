import assert from "node:assert/strict";
import { test } from "node:test";

import { bitsOf, figureCells } from "../../astra_nb/widgets/static/js/figure.js";

/** @param {string} name @param {number} first @param {number} bits */
const field = (name, first, bits) => ({ name, first_bit: first, bit_count: bits, value: "", meaning: "", section: "" });

test("a field that crosses a row of 32 bits has a cell in each", () => {
  const cells = figureCells([
    field("FIN", 0, 1),
    field("payload length", 9, 7),
    field("masking key", 16, 32),
    field("payload", 48, 40),
  ]);
  assert.deepEqual(cells.map(({ index, row, column, span, begins }) => [index, row, column, span, begins]), [
    [0, 0, 0, 1, true],
    [1, 0, 9, 7, true],
    [2, 0, 16, 16, true],
    [2, 1, 0, 16, false],
    [3, 1, 16, 16, true],
  ]);
});

test("a 64-bit length fills three rows in part", () => {
  const cells = figureCells([field("extended payload length", 16, 64)]);
  assert.deepEqual(cells.map(({ row, column, span }) => [row, column, span]), [[0, 16, 16], [1, 0, 32], [2, 0, 16]]);
});

test("bits are those of the bytes, the highest first, with a gap between bytes", () => {
  const bytes = new Uint8Array([0x81, 0x85, 0x37]);
  assert.equal(bitsOf(bytes, 0, 1), "1");
  assert.equal(bitsOf(bytes, 4, 4), "0001");
  assert.equal(bitsOf(bytes, 9, 7), "0000101");
  assert.equal(bitsOf(bytes, 16, 16), "00110111");
  assert.equal(bitsOf(bytes, 0, 16), "10000001 10000101");
  assert.equal(bitsOf(bytes, 4, 8), "0001 1000");
});
