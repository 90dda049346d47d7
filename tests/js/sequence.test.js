import assert from "node:assert/strict";
import { test } from "node:test";

import { sequenceSteps } from "../../astra_nb/widgets/static/js/sequence.js";
import { row } from "./rows.js";

test("arrows point from who sent it, and the closing handshake shows who began", () => {
  const { steps } = sequenceSteps([
    row(1),
    row(2, { type: "close" }),
    row(3, { type: "close", direction: "sent", sender: "server" }),
    row(4, { kind: "closed", type: "", direction: "", sender: "" }),
    row(5, { type: "close", direction: "sent", sender: "server" }),
  ]);
  assert.deepEqual(steps.map(({ way, closing }) => [way, closing]), [
    ["right", ""], ["right", "client"], ["left", "client"], ["across", "client"], ["left", "server"],
  ]);
});

test("only the newest steps are drawn, and the rest is counted", () => {
  const rows = Array.from({ length: 10 }, (_, index) => row(index + 1));
  const { steps, leftOut } = sequenceSteps(rows, 4);
  assert.deepEqual(steps.map((step) => step.row.number), [7, 8, 9, 10]);
  assert.equal(leftOut, 6);
});

test("notices, output and gaps are no steps", () => {
  const { steps } = sequenceSteps([
    row(1, { kind: "notice", connection: 0 }), row(2, { kind: "output" }), row(9, { kind: "check" }), { kind: "gap", number: 3, count: 4 },
  ]);
  assert.deepEqual(steps, []);
});
