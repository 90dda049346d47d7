import assert from "node:assert/strict";
import { test } from "node:test";

import { closeProblem, consoleSnippet, describeData } from "../../astra_nb/widgets/static/js/page_socket.js";

test("a page may close with 1000 and 3000 to 4999", () => {
  for (const code of [1000, 3000, 4999]) assert.equal(closeProblem(code, ""), "");
  for (const code of [0, 999, 1001, 1005, 1006, 2999, 5000, NaN]) {
    assert.match(closeProblem(code, ""), /1000, or 3000 to 4999/);
  }
  assert.equal(closeProblem(1000, "\u00e9".repeat(61)), "");
  assert.match(closeProblem(1000, "\u00e9".repeat(62)), /124 bytes; 123/);
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

test("an address cannot leave the string it is in", () => {
  assert.match(consoleSnippet('ws://a/"); alert(1); ("'), /new WebSocket\("ws:\/\/a\/\\"\); alert\(1\); \(\\""\)/);
});
