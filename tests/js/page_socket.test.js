import assert from "node:assert/strict";
import { test } from "node:test";

import { closeProblem, consoleSnippet, describeData, parseBytes, visibleText } from "../../astra_nb/widgets/static/js/page_socket.js";

test("bytes are read from text, hex and a byte table", () => {
  assert.deepEqual([...parseBytes("\u00e9", "text")], [0xc3, 0xa9]);
  assert.deepEqual([...parseBytes("00 58:0e-43,0x2d", "hex")], [0, 88, 14, 67, 45]);
  assert.deepEqual([...parseBytes("{0, 88; 14} 67 45", "byte table")], [0, 88, 14, 67, 45]);
  assert.deepEqual([...parseBytes("", "byte table")], []);
  assert.deepEqual([...parseBytes("", "hex")], []);
});

test("what is no byte is refused with its place", () => {
  assert.throws(() => parseBytes("1, 256", "byte table"), /Item 1 .*"256"/);
  assert.throws(() => parseBytes("1, -1", "byte table"), /Item 1/);
  assert.throws(() => parseBytes("123", "hex"), /two digits/);
  assert.throws(() => parseBytes("zz", "hex"), /two digits/);
});

test("a page may close with 1000 and 3000 to 4999", () => {
  for (const code of [1000, 3000, 4999]) assert.equal(closeProblem(code, ""), "");
  for (const code of [0, 999, 1001, 1005, 1006, 2999, 5000, NaN]) {
    assert.match(closeProblem(code, ""), /1000, or 3000 to 4999/);
  }
  assert.equal(closeProblem(1000, "\u00e9".repeat(61)), "");
  assert.match(closeProblem(1000, "\u00e9".repeat(62)), /124 bytes; 123/);
});

test("what cannot be seen is an escape", () => {
  assert.equal(visibleText("a\u202eb\u0000\n"), '"a\\u202eb\\u0000\\n"');
  assert.equal(visibleText("x".repeat(130)), `"${"x".repeat(120)}"... 130 characters`);
});

test("data is described by type, size in bytes and first bytes", async () => {
  assert.deepEqual(await describeData("\u00e9"), { type: "text", size: 2, head: "c3a9", text: '"\u00e9"' });
  const bytes = Uint8Array.from({ length: 40 }, (_, index) => index).buffer;
  const described = await describeData(bytes);
  assert.deepEqual([described.type, described.size, described.head.length], ["bytes", 40, 64]);
  const blob = await describeData(new Blob([bytes]));
  assert.deepEqual([blob.type, blob.size, blob.head], ["bytes", 40, described.head]);
  assert.equal((await describeData(new Blob([]))).text, "Blob, 0 bytes");
});

test("an address cannot leave the string it stands in", () => {
  assert.match(consoleSnippet('ws://a/"); alert(1); ("'), /new WebSocket\("ws:\/\/a\/\\"\); alert\(1\); \(\\""\)/);
});
