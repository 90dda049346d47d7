import assert from "node:assert/strict";
import { test } from "node:test";

import { compileFilter, isLandmark, noFilter } from "../../astra_nb/widgets/static/js/filter.js";
import { row } from "./rows.js";

const entries = [
  row(1),
  row(2, { type: "ping", direction: "sent", sender: "server", text: "01 02" }),
  row(3, { kind: "closed", type: "", direction: "", text: "The client closed first", connection: 2 }),
  row(4, { type: "reserved", refused: true, note: "refused: invalid opcode", text: "" }),
  row(5, { type: "continuation", fragment: { type: "bytes", first: 4, index: 2, last: true } }),
  /** @type {const} */ ({ kind: "gap", number: 6, count: 10 }),
];

/** @param {Partial<import("../../astra_nb/widgets/static/js/filter.js").Filter>} given */
const shown = (given) => {
  const { test: matches } = compileFilter({ ...noFilter(), ...given });
  return entries.filter(matches).map(({ number }) => number);
};

test("without a filter all is shown, gaps among it", () => {
  assert.deepEqual(shown({}), [1, 2, 3, 4, 5, 6]);
});

test("text is found in any case, in payloads and in remarks", () => {
  assert.deepEqual(shown({ text: "hELLO" }), [1, 5]);
  assert.deepEqual(shown({ text: "invalid opcode" }), [4]);
  assert.deepEqual(shown({ text: ".*" }), []);
});

test("a regular expression is one when it is asked for", () => {
  assert.deepEqual(shown({ text: "^0[12] ", regex: true }), [2]);
});

test("a broken expression shows nothing and says why", () => {
  const { error, test: matches } = compileFilter({ ...noFilter(), text: "(", regex: true });
  assert.match(error, /^This is not a regular expression: .*\.$/);
  assert.equal(entries.some(matches), false);
});

test("chips choose types, a fragment with its message, a closed connection with the closes", () => {
  assert.deepEqual(shown({ chips: new Set(["ping"]) }), [2]);
  assert.deepEqual(shown({ chips: new Set(["bytes", "close"]) }), [3, 5]);
  assert.deepEqual(shown({ chips: new Set(["errors"]) }), [4]);
});

test("direction and connection", () => {
  assert.deepEqual(shown({ direction: "sent" }), [2]);
  assert.deepEqual(shown({ connection: 2 }), [3]);
});

test("control frames, refusals and ends are worth a jump", () => {
  assert.deepEqual(entries.filter(isLandmark).map(({ number }) => number), [2, 3, 4]);
});
