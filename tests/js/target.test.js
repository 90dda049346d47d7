// Whom the composer sends to, as connections open and end.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Target } from "../../astra_nb/widgets/static/js/target.js";

/** @param {string[]} open */
function targetOf(open) {
  const target = new Target();
  target.update(open);
  return target;
}

test("the newest is the target until one is chosen", () => {
  const target = targetOf(["1", "2"]);
  assert.equal(target.chosen, "2");
  target.update(["1", "2", "3"]);
  assert.equal(target.chosen, "3");
  target.suggest(1);
  target.update(["1", "2", "3", "4"]);
  assert.deepEqual([target.chosen, target.ended], ["1", false]);
});

test("a target that has ended stays, and no older one takes its place", () => {
  const target = targetOf(["1", "4", "5"]);
  target.update(["1", "4"]);
  assert.deepEqual([target.chosen, target.ended], ["5", true]);
  target.update([]);
  assert.deepEqual([target.chosen, target.ended], ["5", true]);
  target.update(["6"]); // nothing was chosen, so one that has just opened does
  assert.deepEqual([target.chosen, target.ended], ["6", false]);
});

test("one that was chosen stays after its end, whatever opens, until another is chosen", () => {
  const target = targetOf(["1", "2", "3"]);
  target.suggest(2);
  target.update(["1", "3", "4"]);
  assert.deepEqual([target.chosen, target.ended], ["2", true]);
  target.suggest(2); // its own rows, and those of others that have ended, are only read
  assert.equal(target.chosen, "2");
  target.suggest(3);
  assert.deepEqual([target.chosen, target.ended], ["3", false]);
});

test("a click on Connect lets the connection that it opens be the next target", () => {
  const target = targetOf(["c1"]);
  target.suggest(1);
  target.release();
  target.update(["c1", "c2"]);
  assert.equal(target.chosen, "c1");
  target.update(["c2"]);
  target.release();
  target.update(["c2", "c3"]);
  assert.equal(target.chosen, "c3");
});

test("a row that replaces what was chosen by hand says so, once", () => {
  const target = targetOf(["1", "2", "3"]);
  assert.equal(target.suggest(1), false); // nobody had chosen the newest
  assert.equal(target.suggest(2), false); // nor what the last row brought
  target.pick("3");
  assert.equal(target.suggest(3), false);
  assert.deepEqual([target.suggest(1), target.chosen], [true, "1"]);
  assert.equal(target.suggest(2), false);
  target.pick("everyone");
  assert.deepEqual([target.suggest(2), target.chosen], [true, "2"]);
});

test("the end that sends stays the same where it can", () => {
  const target = targetOf(["1", "2", "c1"]);
  target.pick("c1");
  target.suggest(2);
  assert.equal(target.chosen, "2");
  target.suggest(1);
  assert.equal(target.chosen, "1");
  target.pick("c1");
  target.update(["1", "2"]); // never from another end by itself
  assert.deepEqual([target.chosen, target.ended], ["c1", true]);
  target.pick("everyone");
  target.update([]);
  assert.deepEqual([target.chosen, target.ended], ["everyone", false]);
});
