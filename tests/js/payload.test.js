import assert from "node:assert/strict";
import { test } from "node:test";

import { parseBytes } from "../../astra_nb/widgets/static/js/payload.js";

test("bytes are read from text, hex and a byte table", () => {
  assert.deepEqual([...parseBytes("\u00e9", "text")], [0xc3, 0xa9]);
  assert.deepEqual([...parseBytes("00 58:0e-43,0x2d", "hex")], [0, 88, 14, 67, 45]);
  assert.deepEqual([...parseBytes("{0, 88; 14} 67 45", "byte table")], [0, 88, 14, 67, 45]);
  assert.deepEqual([...parseBytes("", "byte table")], []);
  assert.deepEqual([...parseBytes("", "hex")], []);
});

test("what is not a byte is refused with its place", () => {
  assert.throws(() => parseBytes("1, 256", "byte table"), /Item 1 .*"256"/);
  assert.throws(() => parseBytes("1, -1", "byte table"), /Item 1/);
  assert.throws(() => parseBytes("123", "hex"), /two digits/);
  assert.throws(() => parseBytes("zz", "hex"), /two digits/);
});
