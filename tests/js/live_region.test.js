import assert from "node:assert/strict";
import { test } from "node:test";

import { spoken } from "../../astra_nb/widgets/static/js/live_region.js";
import { row } from "./rows.js";

test("a row is a sentence with a direction in words", () => {
  assert.equal(spoken(row(7)), '7, connection 1, received text, 5 bytes: "Hello"');
  assert.equal(spoken(row(8, { bad: true, note: "refused: invalid opcode", type: "reserved", text: "" })),
    "8, connection 1, received reserved, 5 bytes: , refused: invalid opcode");
  assert.equal(spoken(row(9, { type: "pong", answer: [7, 0.002, "RTT"] })),
    '9, connection 1, received pong, 5 bytes: "Hello", answers 7, RTT 2.00 ms');
});
