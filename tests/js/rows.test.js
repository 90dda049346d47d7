// The batch that Python's test_rows.py stores, read as a page reads it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { readRows } from "../../astra_nb/widgets/static/js/rows.js";

const batch = JSON.parse(readFileSync(join(import.meta.dirname, "batch.json"), "utf8"));
const rows = readRows(batch);
const rowAt = (/** @type {number} */ index) => rows[index] ?? assert.fail(`no row at ${index}`);

test("every record is there, with its kind and number", () => {
  assert.deepEqual(rows.map((row) => [row.number, row.kind]), [
    [1, "notice"], [2, "handshake"], [3, "opened"], [4, "output"], [5, "frame"], [6, "frame"],
    [7, "frame"], [8, "frame"], [9, "error"], [10, "closed"],
  ]);
});

test("a masked frame has its bits, key, length and payload", () => {
  const { time, connection, direction, sender, type, fin, rsv, masked, key, length, complete, text } = rowAt(4);
  assert.deepEqual(
    { time, connection, direction, sender, type, fin, rsv, masked, key, length, complete, text },
    {
      time: 100.5, connection: 1, direction: "received", sender: "client", type: "text", fin: true,
      rsv: 0, masked: true, key: "37 fa 21 3d", length: 5, complete: true, text: '"Hello"',
    },
  );
});

test("a cut, refused frame of a client's log says so", () => {
  const { sender, type, rsv, complete, refused, note, length } = rowAt(6);
  assert.deepEqual({ sender, type, rsv, complete, refused, note, length }, {
    sender: "client", type: "reserved", rsv: 7, complete: false, refused: true,
    note: "refused: invalid opcode", length: 5,
  });
});

test("a decompressed payload is the one that is shown", () => {
  assert.equal(rowAt(7).changed, true);
  assert.equal(rowAt(7).fin, false);
  assert.equal(rowAt(7).text, '"unpacked"');
});

test("what would act on a page is an escape in the text", () => {
  assert.equal(rowAt(1).text.includes("\u202e"), false);
  assert.equal(rowAt(1).text.includes("\\u202e"), true);
});

test("only control frames that are answered have a check sum", () => {
  assert.notEqual(rowAt(5).check, 0);
  assert.equal(rowAt(4).check, 0);
});

test("no rows are no rows", () => {
  assert.deepEqual(readRows({ ...batch, rows: [] }), []);
});
