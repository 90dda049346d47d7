import assert from "node:assert/strict";
import { test } from "node:test";

import { Bridge } from "../../astra_nb/widgets/static/js/bridge.js";
import { FakeModel, settled } from "./fake_model.js";

/** @param {import("node:test").TestContext} context */
function bridged(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const model = new FakeModel({});
  const closing = new AbortController();
  /** @type {string[]} */
  const states = [];
  const bridge = new Bridge(model, closing.signal, () => states.push(bridge.state));
  const pass = async (/** @type {number} */ milliseconds) => {
    context.mock.timers.tick(milliseconds);
    await settled();
  };
  return { model, bridge, states, closing, pass };
}

test("two requests of one kind get their own answers, in any order", async (context) => {
  const { model, bridge } = bridged(context);
  const first = bridge.request("detail", { number: 1 });
  const second = bridge.request("detail", { number: 2 });
  const [one, two] = model.sent;
  assert.deepEqual([one?.kind, one?.number, two?.number], ["detail", 1, 2]);
  assert.notEqual(one?.id, two?.id);
  model.answer(two, { value: { text: "two" } });
  model.answer(one, { value: { text: "one" } });
  assert.deepEqual(await first, { text: "one" });
  assert.deepEqual(await second, { text: "two" });
  assert.equal(bridge.pending.size, 0);
});

test("a field cannot take the place of the kind, the page or the id", async (context) => {
  const { model, bridge } = bridged(context);
  bridge.notify("event", /** @type {any} */ ({ name: "open", kind: "x", page: "y" }));
  assert.deepEqual(model.sent, [{ name: "open", kind: "event", page: bridge.page }]);
});

test("an answer to another page is not this one's", async (context) => {
  const { model, bridge, states, pass } = bridged(context);
  const asked = bridge.request("heartbeat", {});
  const [sent] = model.sent;
  model.push("answer", { page: "other", id: sent?.id, value: {} });
  await pass(1500);
  assert.deepEqual([bridge.pending.size, states], [1, ["silent"]]);
  model.answer(sent, { value: {} });
  await asked;
  assert.deepEqual(states, ["silent", "answering"]);
});

test("an error is a rejection with the kernel's sentence", async (context) => {
  const { model, bridge } = bridged(context);
  const asked = bridge.request("wire", { number: 1, offset: 0 });
  model.answer(model.sent[0], { error: "Record 1 is no longer in the log." });
  await assert.rejects(asked, { message: "Record 1 is no longer in the log." });
  assert.equal(bridge.pending.size, 0);
});

test("without an answer it is rejected in the time of each use, and a late answer is ignored", async (context) => {
  const { model, bridge, states, pass } = bridged(context);
  const short = assert.rejects(bridge.request("position", {}, { timeout: 1500 }), /no answer in 1\.5 s/);
  const usual = assert.rejects(bridge.request("heartbeat", {}), /no answer in 15 s/);
  const forever = bridge.request("hello", {}, { timeout: Infinity, patience: Infinity });
  await pass(1500);
  await short;
  assert.deepEqual(states, ["silent"]);
  await pass(13_499);
  assert.equal(bridge.pending.size, 2);
  await pass(1);
  await usual;
  model.answer(model.sent[1], { value: {} });
  assert.equal(bridge.state, "answering");
  await pass(10 ** 9);
  assert.deepEqual([bridge.pending.size, bridge.state], [1, "answering"]);
  model.answer(model.sent[2], { value: { subshell: true } });
  assert.deepEqual(await forever, { subshell: true });
});

test("a request without limits sets no timer, which would take Infinity for a millisecond", async (context) => {
  const set = context.mock.method(globalThis, "setTimeout");
  const bridge = new Bridge(new FakeModel({}), new AbortController().signal);
  void bridge.request("hello", {}, { timeout: Infinity, patience: Infinity });
  assert.equal(set.mock.callCount(), 0);
});

test("a kernel that is gone rejects at once, and stays gone until it answers", async (context) => {
  const { model, bridge, states, pass } = bridged(context);
  const before = bridge.request("heartbeat", {});
  model.gone = true;
  await assert.rejects(bridge.request("heartbeat", {}), /kernel of this view is gone/);
  assert.equal(bridge.notify("event", { name: "open" }), false);
  await pass(1500);
  assert.deepEqual(states, ["gone"]);
  model.gone = false;
  model.answer(model.sent[0], { value: {} });
  await before;
  assert.deepEqual(states, ["gone", "answering"]);
});

test("a closed view rejects what is pending, and listens no longer", async (context) => {
  const { model, bridge, closing, pass } = bridged(context);
  const asked = assert.rejects(bridge.request("heartbeat", {}), /view is closed/);
  closing.abort();
  await asked;
  assert.equal(model.listening, 0);
  await assert.rejects(bridge.request("heartbeat", {}), /view is closed/);
  assert.equal(model.sent.length, 1);
  await pass(10 ** 6);
  assert.equal(bridge.state, "answering");
});

test("a hello is repeated until it comes through a subshell", async (context) => {
  const { model, bridge, pass } = bridged(context);
  const said = bridge.hello();
  model.answer(model.sent[0], { value: { subshell: false } });
  await settled();
  await pass(149);
  assert.equal(model.sent.length, 1);
  await pass(1);
  assert.equal(model.sent.length, 2);
  model.answer(model.sent[1], { value: { subshell: true } });
  assert.equal(await said, true);
});

test("a hello without subshells ends after a few times, and one to no kernel at once", async (context) => {
  const { model, bridge, pass } = bridged(context);
  const said = bridge.hello();
  for (let times = 0; times < 10; times += 1) {
    model.answer(model.sent.at(-1), { value: { subshell: false } });
    await settled();
    await pass(5000);
  }
  assert.equal(await said, false);
  assert.equal(model.of("hello").length, 6);
  model.gone = true;
  assert.equal(await bridge.hello(), false);
});

test("a push goes to its listener, unless it is meant for another page", (context) => {
  const { model, bridge, states } = bridged(context);
  /** @type {unknown[]} */
  const heard = [];
  bridge.on("said", (said) => heard.push(said.sentence));
  bridge.on("comparison", ({ number }) => heard.push(number));
  model.push("said", { sentence: "Sent." });
  model.push("comparison", { page: "other", number: 1 });
  model.push("comparison", { page: bridge.page, number: 2 });
  model.emit("msg:custom", null);
  assert.deepEqual([heard, states], [["Sent.", 2], []]);
});
