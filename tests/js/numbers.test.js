import assert from "node:assert/strict";
import { test } from "node:test";

import { Sorted, Spans } from "../../astra_nb/widgets/static/js/numbers.js";

const all = (/** @type {Spans | Sorted} */ list) => Array.from({ length: list.length }, (_, index) => list.at(index));

test("stretches of a log are a list without gaps, and back", () => {
  const spans = new Spans([[5, 7], [10, 11], [20, 20]]);
  assert.deepEqual(all(spans), [5, 6, 7, 10, 11, 20]);
  assert.deepEqual([spans.at(-1), spans.at(6)], [undefined, undefined]);
  assert.deepEqual([1, 5, 7, 8, 10, 12, 20, 99].map((number) => spans.indexOf(number)), [-4, 0, 2, 3, 3, 5, 5, 6].map((at) => Math.max(at, 0)));
});

test("a part of them begins after a number and ends with one", () => {
  for (const list of [new Spans([[1, 4], [8, 9]]), new Sorted([1, 2, 3, 4, 8, 9])]) {
    assert.deepEqual(all(list.clip(2, 8)), [3, 4, 8]);
    assert.deepEqual(all(list.clip(9, Infinity)), []);
    assert.deepEqual(all(list.clip(0, Infinity)), [1, 2, 3, 4, 8, 9]);
  }
});

test("an empty log is an empty list", () => {
  assert.deepEqual([new Spans([]).length, new Spans([]).at(0), new Spans([]).indexOf(7), new Sorted([]).indexOf(7)], [0, undefined, 0, 0]);
});

test("a search's numbers are found by the next higher one", () => {
  const found = new Sorted([3, 9, 27]);
  assert.deepEqual([0, 3, 4, 9, 28].map((number) => found.indexOf(number)), [0, 0, 1, 1, 3]);
});
