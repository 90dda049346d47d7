import assert from "node:assert/strict";
import { test } from "node:test";

import { markOf, verdictOf } from "../../astra_nb/widgets/static/js/comparison.js";

const point = { what: "", sender: "", sent: "", arrived: "", changed: false, note: "" };

test("the sentence over the lane", () => {
  assert.equal(verdictOf([point, point], ""), "nothing was changed on the way.");
  assert.equal(verdictOf([point, { ...point, changed: true }], ""), "1 of 2 things changed on the way.");
  assert.equal(verdictOf([{ ...point, changed: true }], ""), "1 of 1 thing changed on the way.");
  assert.equal(verdictOf([], "It is not certain."), "It is not certain.");
});

test("the sign before what arrived", () => {
  assert.equal(markOf("1000", "1005", true), "\u2260");
  assert.equal(markOf("1000", "1000", false), "=");
  assert.equal(markOf("2 messages", "2, unchanged", false), "=");
  assert.equal(markOf("1", "nothing in the page", false), "\u2192");
});
