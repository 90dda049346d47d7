import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, test } from "node:test";

import { Store } from "../../astra_nb/widgets/static/js/store.js";
import { FakeModel, settled } from "./fake_model.js";

const batch = JSON.parse(readFileSync(join(import.meta.dirname, "batch.json"), "utf8"));
const page = { hidden: false };
const status = { state: "listening", url: "ws://127.0.0.1:1/", open: [], dropped: 0, note: "" };

/** The batch of `test_rows.py`, which has the records 1 to 10. */
const rows = (/** @type {Partial<import("../../astra_nb/widgets/static/js/bridge.js").Rows>} */ given = {}) =>
  ({ ...batch, log: "a", after: 0, to: 10, time: 1000, origin: 100, bytes: 50, ...given });
const empty = (/** @type {number} */ after, /** @type {number} */ to) => rows({ rows: [], after, to });

beforeEach(() => {
  page.hidden = false;
  globalThis.document = /** @type {any} */ (page);
});

/**
 * @param {import("node:test").TestContext} context
 * @param {import("../../astra_nb/widgets/static/js/store.js").Traits["snapshot"]} [snapshot]
 */
function stored(context, snapshot = {}) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const model = new FakeModel({ snapshot, copy_key: "" });
  const closing = new AbortController();
  const store = new Store(model, closing.signal);
  /** @type {string[]} */
  const changes = [];
  store.listen((change) => changes.push(change), closing.signal);
  const pass = async (/** @type {number} */ milliseconds) => {
    context.mock.timers.tick(milliseconds);
    await settled();
  };
  const numbers = () => store.ring.entries.map((entry) => (entry.kind === "gap" ? `gap ${entry.number} x${entry.count}` : entry.number));
  return { model, store, changes, closing, pass, numbers };
}

test("it says hello, shows the snapshot and asks for what came after it", (context) => {
  const { model, store, numbers } = stored(context, { rows: rows(), status });
  assert.deepEqual(model.sent.map(({ kind, after }) => [kind, after]), [["hello", undefined], ["backfill", 10]]);
  assert.deepEqual(numbers(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual([store.origin, store.status.state], [100, "listening"]);
  assert.equal(store.rates.lastMinute(1000).at(-1)?.records, 10);
});

test("without a snapshot it asks for all", (context) => {
  const { model, store } = stored(context);
  assert.equal(model.of("backfill")[0]?.after, 0);
  model.push("rows", rows());
  assert.equal(store.ring.covered, 10);
});

test("a lost batch is asked for once, and again when it is lost again", async (context) => {
  const { model, store, pass, numbers } = stored(context, { rows: rows() });
  model.answer(model.of("backfill")[0], { value: {} });
  await settled();
  model.push("rows", empty(20, 21));
  model.push("rows", empty(21, 22));
  assert.deepEqual(model.of("backfill").map(({ after }) => after), [10, 10]);
  assert.equal(store.ring.covered, 10);
  model.push("rows", empty(10, 22));
  model.answer(model.of("backfill")[1], { value: {} });
  await settled();
  assert.deepEqual(numbers().slice(-2), [10, "gap 11 x12"]);
  model.push("rows", empty(30, 31));
  await pass(15_000); // no answer: the next gap asks again
  model.push("rows", empty(31, 32));
  assert.deepEqual(model.of("backfill").map(({ after }) => after), [10, 10, 22, 22]);
});

test("another log is begun from its first record", async (context) => {
  const { model, store, changes, numbers } = stored(context, { rows: rows() });
  model.push("rows", rows({ log: "b", origin: 7 }));
  assert.deepEqual([changes, numbers().length, store.origin], [["reset", "rows"], 10, 7]);
  model.push("rows", rows({ log: "b" }));
  assert.equal(changes.length, 2, "what is known already changes nothing");
});

test("health tells a kernel that is silent from one that is gone", async (context) => {
  const { model, store, changes, pass } = stored(context);
  await pass(1500);
  assert.equal(store.health, "", "the first rows may take as long as a cell runs");
  store.nudge();
  store.nudge();
  assert.equal(model.of("heartbeat").length, 1);
  await pass(1500);
  assert.match(store.health, /does not answer just now/);
  model.answer(model.of("heartbeat")[0], { value: {} });
  await settled();
  assert.equal(store.health, "");
  model.gone = true;
  model.emit("comm_live_update");
  await settled();
  assert.match(store.health, /kernel of this panel is gone/);
  assert.deepEqual(changes, ["health", "health", "health"]);
});

test("the heart beats while someone looks, and ever more rarely without an answer", async (context) => {
  const { model, pass } = stored(context);
  const beats = () => model.of("heartbeat").length;
  page.hidden = true;
  await pass(10_000);
  assert.equal(beats(), 0);
  page.hidden = false;
  await pass(10_000);
  model.answer(model.of("heartbeat")[0], { value: {} });
  await settled();
  await pass(10_000);
  assert.equal(beats(), 2);
  await pass(15_000); // it was not answered
  await pass(19_999);
  assert.equal(beats(), 2);
  await pass(1);
  assert.equal(beats(), 3);
});

test("connections are those in rows and those that are open, in order", (context) => {
  const { model, store } = stored(context, { rows: rows() });
  model.push("status", { ...status, open: [{ id: 3, peer: "127.0.0.1:3", path: "/" }, { id: 1, peer: "127.0.0.1:1", path: "/" }] });
  assert.deepEqual(store.connections(), [
    { id: 1, peer: "127.0.0.1:1" }, { id: 2, peer: "closed" }, { id: 3, peer: "127.0.0.1:3" }]);
});

test("a closed store listens no longer and beats no longer", async (context) => {
  const { model, closing, changes, pass } = stored(context);
  closing.abort();
  const sent = model.sent.length;
  globalThis.document = /** @type {any} */ ({ get hidden() { return assert.fail("the heart beats"); } });
  await pass(10 ** 6);
  model.push("status", status);
  assert.deepEqual([model.listening, model.sent.length, changes], [0, sent, []]);
});
