// What elements share.
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { button, copyText, fitRows } from "../../astra_nb/widgets/static/js/dom.js";
import { install } from "./fake_dom.js";

test("a text area has the rows of its text, and one with very long text is not measured", () => {
  const area = /** @type {any} */ ({ value: "one\ntwo", rows: 1, isConnected: false });
  fitRows(area, 6);
  assert.equal(area.rows, 2);
  Object.defineProperty(area, "scrollHeight", { get: () => assert.fail("laid out") });
  Object.assign(area, { value: "x".repeat(1_000_000), isConnected: true });
  fitRows(area, 6);
  assert.equal(area.rows, 6);
});

test("a button that is pressed again while it says Copied has its own word again", async () => {
  install();
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { clipboard: { writeText: async () => {} } } });
  mock.timers.enable({ apis: ["setTimeout"] });
  const pressed = button("Copy", "", () => {});
  await copyText(pressed, "one");
  mock.timers.tick(600);
  await copyText(pressed, "two");
  assert.equal(pressed.textContent, "Copied");
  mock.timers.tick(2000);
  assert.equal(pressed.textContent, "Copy");
  mock.timers.reset();
});
