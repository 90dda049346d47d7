import assert from "node:assert/strict";
import { test } from "node:test";

import { Ring } from "../../astra_nb/widgets/static/js/ring.js";
import { row } from "./rows.js";

/** @param {Ring} ring */
const shape = (ring) => ring.entries.map((entry) =>
  entry.kind === "gap" ? `gap ${entry.number} x${entry.count}` : entry.number);

test("batches follow one another", () => {
  const ring = new Ring(100);
  assert.equal(ring.take([row(1), row(2)], 0, 2), "taken");
  assert.equal(ring.take([row(3)], 2, 3), "taken");
  assert.deepEqual(shape(ring), [1, 2, 3]);
});

test("what a flood left out is a gap, in front of the newest", () => {
  const ring = new Ring(100);
  ring.take([row(1)], 0, 1);
  ring.take([row(99), row(100)], 1, 100);
  assert.deepEqual(shape(ring), [1, "gap 2 x97", 99, 100]);
});

test("a lost batch is noticed, and its rows are not taken out of order", () => {
  const ring = new Ring(100);
  ring.take([row(1)], 0, 1);
  assert.equal(ring.take([row(5)], 4, 5), "gap");
  assert.deepEqual(shape(ring), [1]);
  assert.equal(ring.take([row(2), row(3), row(4), row(5)], 1, 5), "taken");
  assert.deepEqual(shape(ring), [1, 2, 3, 4, 5]);
});

test("what is known already is not taken twice", () => {
  const ring = new Ring(100);
  ring.take([row(1), row(2)], 0, 2);
  assert.equal(ring.take([row(1), row(2)], 0, 2), "old");
  assert.equal(ring.take([row(1), row(2), row(3)], 0, 3), "taken");
  assert.deepEqual(shape(ring), [1, 2, 3]);
});

test("it keeps the newest, within an eighth of its capacity, and counts the rest", () => {
  const ring = new Ring(80);
  for (let number = 1; number <= 1000; number += 1) {
    ring.take([row(number)], number - 1, number);
    assert.ok(ring.entries.length <= 90);
    assert.equal(ring.dropped + ring.entries.length, number);
  }
  assert.equal(ring.entries.at(-1)?.number, 1000);
});

test("cleared, it goes on with what is new; reset, it begins again", () => {
  const ring = new Ring(80);
  ring.take([row(1), row(2)], 0, 2);
  ring.clear();
  assert.equal(ring.take([row(3)], 2, 3), "taken");
  assert.deepEqual(shape(ring), [3]);
  assert.equal(ring.dropped, 2);
  ring.reset();
  assert.equal(ring.take([row(1)], 0, 1), "taken");
});
