import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { noFilter } from "../../astra_nb/widgets/static/js/filter.js";
import { Search, mergeFinds } from "../../astra_nb/widgets/static/js/search.js";
import { row } from "./rows.js";

const batch = JSON.parse(readFileSync(join(import.meta.dirname, "batch.json"), "utf8"));

/**
 * A search whose kernel gives these answers, one after the other, then none.
 * @param {import("node:test").TestContext} context
 * @param {Partial<import("../../astra_nb/widgets/static/js/bridge.js").Found>[]} answers
 */
function searching(context, answers) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {import("../../astra_nb/widgets/static/js/bridge.js").Piece[]} */
  const asked = [];
  const search = new Search(async (piece) => {
    asked.push(piece);
    const found = answers.shift();
    if (found === undefined) throw new Error("no answer");
    return { value: { ...batch, rows: [], contexts: [], searched: 10, below: 0, to: 30, ...found } };
  }, () => {});
  const pass = async (/** @type {number} */ milliseconds) => {
    context.mock.timers.tick(milliseconds);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return { search, asked, pass };
}

const needle = { ...noFilter(), text: "needle" };

test("the log is searched piece by piece, the newest first, once typing has paused", async (context) => {
  const found = { rows: batch.rows, contexts: Array(batch.rows.length).fill("byte 7: ..."), below: 21 };
  const { search, asked, pass } = searching(context, [found, { below: 11 }, {}]);
  search.start({ ...needle, text: "need" });
  search.start(needle);
  await pass(1000);
  assert.deepEqual(asked.map(({ text, after, below }) => [text, after, below]),
    [["needle", 0, 0], ["needle", 0, 21], ["needle", 0, 11]]);
  assert.equal(search.finds.size, batch.rows.length);
  assert.equal([...search.finds.values()][0]?.context, "byte 7: ...");
  assert.equal(search.sentence, "Searched all 30 records of server.log, whole payloads.");
});

test("what came since is searched a while after it came, and a flood leaves some out", async (context) => {
  const { search, asked, pass } = searching(context, [{ to: 30 }, { to: 90, below: 80 }]);
  search.start(needle);
  await pass(1000);
  await pass(10_000);
  assert.equal(asked.length, 1);
  search.more();
  search.more();
  await pass(10_000);
  assert.deepEqual(asked.slice(1).map(({ after, below }) => [after, below]), [[30, 0]]);
  assert.match(search.sentence, /and not all of them/);
});

test("a regular expression stays in the page, and says so", async (context) => {
  const { search, asked, pass } = searching(context, []);
  search.start({ ...needle, regex: true });
  await pass(1000);
  assert.deepEqual(asked, []);
  assert.equal(search.sentence, "Regular expressions look at the previews in this view only.");
});

test("without a filter nothing is searched and nothing said", async (context) => {
  const { search, asked, pass } = searching(context, [{}]);
  search.start(needle);
  search.start(noFilter());
  await pass(1000);
  assert.deepEqual([asked, search.sentence], [[], ""]);
});

test("without an answer the reader is told what was searched", async (context) => {
  const { search, pass } = searching(context, []);
  search.start(needle);
  await pass(1000);
  assert.match(search.sentence, /only the previews in this view were searched/);
});

test("finds stand in their order among the rows, and each once", () => {
  const finds = [2, 4, 9].map((number) => ({ row: row(number), context: "" }));
  const merged = mergeFinds([row(3), row(4)], new Set([3, 4, 5]), finds);
  assert.deepEqual(merged.map(({ number }) => number), [2, 3, 4, 9]);
});

test("chips are sent as the types that they let through", async (context) => {
  const { search, asked, pass } = searching(context, [{}]);
  search.start({ ...noFilter(), chips: new Set(["bytes", "errors"]) });
  await pass(1000);
  assert.deepEqual(asked.map(({ types }) => types), [["bytes", "continuation", "error", "reserved"]]);
});
