// What elements share.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fitRows } from "../../astra_nb/widgets/static/js/dom.js";

test("a text area has the rows of its text, and one with very long text is not measured", () => {
  const area = /** @type {any} */ ({ value: "one\ntwo", rows: 1, isConnected: false });
  fitRows(area, 6);
  assert.equal(area.rows, 2);
  Object.defineProperty(area, "scrollHeight", { get: () => assert.fail("laid out") });
  Object.assign(area, { value: "x".repeat(1_000_000), isConnected: true });
  fitRows(area, 6);
  assert.equal(area.rows, 6);
});
