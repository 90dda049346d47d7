// The batch that Python's test_log_rows.py stores, read as a page reads it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { readRows, remark, typeName } from "../../astra_nb/widgets/static/js/rows.js";
import { row } from "./rows.js";

const batch = JSON.parse(readFileSync(join(import.meta.dirname, "batch.json"), "utf8"));
const rows = readRows(batch);
const rowAt = (/** @type {number} */ index) => rows[index] ?? assert.fail(`no row at ${index}`);

test("every record is there, with its kind and number", () => {
  assert.deepEqual(rows.map(({ number, kind, type }) => [number, kind, type]), [
    [1, "notice", "notice"], [2, "handshake", "handshake"], [3, "opened", "opened"], [4, "output", "output"], [5, "frame", "text"],
    [6, "frame", "ping"], [7, "frame", "reserved"], [8, "frame", "text"], [9, "error", "error"], [10, "closed", "closed"],
  ]);
});

test("a masked frame has its bits, length and payload", () => {
  const { time, connection, direction, sender, fin, rsv, masked, length, text, bad } = rowAt(4);
  assert.deepEqual({ time, connection, direction, sender, fin, rsv, masked, length, text, bad }, {
    time: 100.5, connection: 1, direction: "received", sender: "client", fin: true, rsv: 0, masked: true, length: 5, text: '"Hello"', bad: false,
  });
});

test("a refused frame and a handler's error are bad, and an end says how it was", () => {
  assert.deepEqual(rows.filter(({ bad }) => bad).map(({ number, note }) => [number, note]), [[7, "refused: invalid opcode"], [9, ""]]);
  assert.equal(rowAt(9).note, "clean");
});

test("what would act on a page is an escape in the text", () => {
  assert.equal(rowAt(1).text.includes("\u202e"), false);
  assert.equal(rowAt(1).text.includes("\\u202e"), true);
});

test("a fragment says which one it is, and of how many once that is known", () => {
  const second = row(2, { type: "continuation", part: [1, "text", 2, false, 9] });
  assert.deepEqual(typeName(second), ["cont.", " 2"]);
  assert.deepEqual(typeName(second, 3), ["cont.", " 2/3"]);
  assert.deepEqual(typeName(row(1, { part: [1, "text", 1, false, 4] }), 3), ["text", " 1/3"]);
  assert.deepEqual(typeName(row(1)), ["text", ""]);
});

test("an answer has a time only where there is one", () => {
  assert.deepEqual(remark(row(5, { answer: [4, 0.00042, "RTT"] })), { number: 4, text: "RTT 0.42 ms" });
  assert.deepEqual(remark(row(5, { answer: [4, null, ""] })), { number: 4, text: "" });
  assert.deepEqual(remark(row(5)), { number: 0, text: "" });
});
