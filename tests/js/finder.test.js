import assert from "node:assert/strict";
import { test } from "node:test";

import { Bridge } from "../../astra_nb/widgets/static/js/bridge.js";
import { Finder, queryOf } from "../../astra_nb/widgets/static/js/finder.js";
import { FakeModel, settled } from "./fake_model.js";

/** @param {import("node:test").TestContext} context */
function searching(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const model = new FakeModel({});
  let changes = 0;
  const finder = new Finder(new Bridge(model, new AbortController().signal), () => { changes += 1; });
  const pass = async (/** @type {number} */ milliseconds) => { context.mock.timers.tick(milliseconds); await settled(); };
  const answer = async (/** @type {Record<string, unknown>} */ value) => { model.answer(model.of("find").at(-1), { value }); await settled(); };
  return { model, finder, pass, answer, changes: () => changes };
}

test("the whole log is searched piece by piece, the newest first", async (context) => {
  const { model, finder, pass, answer } = searching(context);
  finder.filter.text = "needle";
  finder.start();
  assert.equal(finder.sentence, "Searching ...");
  await pass(200);
  await answer({ numbers: [90, 99], searched: 50, below: 51, to: 100 });
  assert.match(finder.sentence, /^2 rows; searched 50 records so far/);
  await answer({ numbers: [3], searched: 50, below: 0, to: 100 });
  assert.deepEqual(finder.found?.numbers, [3, 90, 99]);
  assert.equal(finder.sentence, "3 rows of 100 records");
  assert.deepEqual(model.of("find").map(({ text, after, below }) => [text, after, below]), [["needle", 0, 0], ["needle", 0, 51]]);
});

test("what comes later is searched too, and what is there stays", async (context) => {
  const { model, finder, pass, answer } = searching(context);
  finder.filter.chips.add("ping");
  finder.start();
  await pass(1);
  finder.more();
  await answer({ numbers: [1], searched: 10, below: 0, to: 10 });
  await pass(250);
  assert.equal(model.of("find").at(-1)?.after, 10);
  await answer({ numbers: [12], searched: 2, below: 0, to: 12 });
  assert.deepEqual(finder.found?.numbers, [1, 12]);
});

test("another filter makes the answers to the one before unwanted", async (context) => {
  const { model, finder, pass } = searching(context);
  finder.filter.text = "a";
  finder.start();
  await pass(200);
  const old = model.of("find").at(-1);
  finder.filter.text = "";
  finder.start();
  model.answer(old, { value: { numbers: [7], searched: 1, below: 0, to: 9 } });
  await settled();
  assert.deepEqual([finder.found, finder.sentence], [null, ""]);
});

test("a problem is said, and nothing is found by it", async (context) => {
  const { model, finder, pass } = searching(context);
  finder.filter.text = "(";
  finder.filter.regex = true;
  finder.start();
  await pass(200);
  model.answer(model.of("find").at(-1), { error: "This is not a regular expression: missing )." });
  await settled();
  assert.deepEqual([finder.problem, finder.found?.length, finder.done], ["This is not a regular expression: missing ).", 0, true]);
});

test("chips are types of frames and kinds of records", () => {
  const filter = { text: "", regex: false, chips: new Set(["close", "print"]), direction: /** @type {""} */ (""), connection: 0, errors: false };
  assert.deepEqual(queryOf(filter).types, ["close", "closed", "output", "notice", "error", "check"]);
});
