import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Store } from "../../astra_nb/widgets/static/js/store.js";
import { FakeModel, settled } from "./fake_model.js";
import { row } from "./rows.js";

const status = { state: "listening", url: "ws://127.0.0.1:1/", sends: true, of_server: true, targets: [], open: 0, total: 0, connections: [], note: "", saved: [], requests: [] };
const page = { hidden: false };
const fields = Object.keys(row(1));
const batch = (/** @type {number[]} */ ...numbers) => ({ fields, rows: numbers.map((number) => Object.values(row(number))) });
const position = (/** @type {number} */ first, /** @type {number} */ last) => ({ spans: [[first, last]], dropped: first - 1, origin: 100, time: 1000 });
const overview = (/** @type {Record<string, unknown>} */ given = {}) =>
  ({ log: "a", ...position(1, 3), ...batch(1, 2, 3), errors: [], status, said: { sentence: "", failed: false, code: "" }, ...given });

beforeEach(() => {
  page.hidden = false;
  globalThis.document = /** @type {any} */ (page);
});

/** @param {import("node:test").TestContext} context @param {any} [snapshot] */
function stored(context, snapshot = {}) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const model = new FakeModel({ snapshot, copy_key: "", catalog: {}, bits: false, addresses: {} });
  const closing = new AbortController();
  const store = new Store(/** @type {any} */ (model), closing.signal);
  /** @type {string[]} */
  const changes = [];
  store.listen((change) => changes.push(change), closing.signal);
  const pass = async (/** @type {number} */ milliseconds) => { context.mock.timers.tick(milliseconds); await settled(); };
  return { model, store, changes, closing, pass };
}

test("it says hello, shows the snapshot and asks for all", (context) => {
  const { model, store } = stored(context, overview());
  assert.deepEqual(model.sent.map(({ kind }) => kind), ["hello", "open"]);
  assert.deepEqual([store.last, store.spans.length, store.rows.get(2)?.text, store.status.state], [3, 3, '"Hello"', "listening"]);
});

test("news move the log's ends on, and bring the newest rows and errors", async (context) => {
  const { model, store, changes } = stored(context);
  model.answer(model.of("open")[0], { value: overview() });
  await settled();
  model.push("news", { log: "a", ...position(2, 9), ...batch(8, 9), errors: [8] });
  assert.deepEqual([store.spans.at(0), store.last, store.dropped, store.errors, store.rows.has(9), store.rows.has(5)], [2, 9, 1, [8], true, false]);
  assert.equal(store.rates.lastMinute(1000).at(-1), 6);
  model.push("news", { log: "a", status: { ...status, state: "stopped" } });
  assert.deepEqual([store.status.state, changes.at(-1)], ["stopped", "status"]);
});

test("another log is opened, and nothing of the old one stays", async (context) => {
  const { model, store, changes } = stored(context, overview());
  model.push("news", { log: "b", ...position(1, 1), ...batch(1) });
  assert.equal(model.of("open").length, 2);
  model.answer(model.of("open")[1], { value: overview({ log: "b", ...position(1, 1), ...batch(1) }) });
  await settled();
  assert.deepEqual([[...store.rows.keys()], store.last, changes.includes("reset")], [[1], 1, true]);
});

test("rows are fetched by their numbers, and few are kept", async (context) => {
  const { model, store } = stored(context, overview());
  const asked = store.fetch([70, 71], /** @type {any} */ ({ text: "x" }));
  assert.deepEqual(model.of("rows")[0]?.numbers, [70, 71]);
  model.answer(model.of("rows")[0], { value: { ...batch(70, 71), contexts: { 70: "byte 9" } } });
  assert.deepEqual(await asked, { 70: "byte 9" });
  for (let first = 1000; first < 9000; first += 100) model.push("news", { log: "a", ...position(1, first + 99), ...batch(...Array.from({ length: 100 }, (_, at) => first + at)) });
  assert.ok(store.rows.size <= 6000 && store.rows.has(8999) && !store.rows.has(70));
});

test("a click's outcome is said, and so is its failure", async (context) => {
  const { model, store, changes } = stored(context);
  const done = store.act("send_text", { typed: "Hello", format: "text", options: { to: 2 } });
  assert.deepEqual(model.of("act")[0]?.options, { to: 2 });
  model.push("said", { sentence: "Sent.", failed: false, code: "panel.send_text('Hello', to=2)" });
  model.answer(model.of("act")[0], { value: {} });
  await done;
  assert.deepEqual([store.said.sentence, changes.at(-1)], ["Sent.", "said"]);
  const failed = store.act("send_text");
  model.answer(model.of("act")[1], { error: "no such control" });
  await failed;
  assert.deepEqual([store.said.failed, store.said.sentence], [true, "no such control"]);
});

test("a kernel that is gone stays gone until it answers; heartbeats grow rarer", async (context) => {
  const { model, store, pass, changes } = stored(context, overview());
  await pass(10_000);
  assert.equal(model.of("heartbeat").length, 1);
  model.gone = true;
  await pass(15_000);
  await pass(20_000);
  assert.match(store.health, /^The kernel of this panel is gone/);
  assert.ok(changes.includes("health"));
});

test("a page that nobody sees does not ask", async (context) => {
  const { model, pass } = stored(context, overview());
  page.hidden = true;
  await pass(10_000);
  assert.equal(model.of("heartbeat").length, 0);
});
