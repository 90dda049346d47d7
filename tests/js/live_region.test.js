import assert from "node:assert/strict";
import { test } from "node:test";

import { spoken } from "../../astra_nb/widgets/static/js/live_region.js";
import { row } from "./rows.js";

test("a row is a sentence with a direction in words", () => {
  assert.equal(spoken(row(7)), '7, connection 1, received text, 5 bytes: "Hello"');
  assert.equal(
    spoken(row(8, { refused: true, note: "refused: invalid opcode", type: "reserved", text: "" })),
    "8, connection 1, received reserved, 5 bytes: , refused: invalid opcode",
  );
});
