import assert from "node:assert/strict";
import { test } from "node:test";

import { offlineModel } from "../../astra_nb/widgets/static/js/offline.js";
import { settled } from "./fake_model.js";
import { row } from "./rows.js";

const rows = [row(4, { text: '"one"' }), row(7, { type: "ping", direction: "sent", connection: 2 }), row(9, { bad: true, note: "refused" })];
const kept = (/** @type {string} */ text) => ({ detail: { kind: "frame" }, payload: { base64: btoa(text), as: "text" }, whole: null, text, explanation: "why", drawing: "+-+" });
const content = /** @type {any} */ ({
  fields: Object.keys(row(1)), rows: rows.map((each) => Object.values(each)), records: [kept("one needle"), kept("hi"), kept("bad")],
  errors: [9], connections: [{ id: 1, path: "/", who: "", peer: "p", state: "open" }], origin: 1, catalog: {}, spans: [[4, 4], [7, 7], [9, 9]], note: "n",
});

/** @param {string} kind @param {any} fields */
async function ask(kind, fields) {
  const model = offlineModel(content);
  /** @type {any} */
  let got;
  model.on("msg:custom", (/** @type {any} */ answer) => { got = answer; });
  model.send({ kind, page: "p", id: 1, ...fields });
  await settled();
  return got.error ?? got.value;
}
const query = { text: "", regex: false, types: [], direction: "", connection: 0, errors: false };

test("a saved page answers what the panel asks", async () => {
  const all = await ask("open", {});
  assert.deepEqual([all.rows.length, all.status.sends, all.status.state, all.status.open], [3, false, "log", 1]);
  assert.deepEqual((await ask("rows", { numbers: [7, 8, 9] })).rows.map((/** @type {any[]} */ each) => each[0]), [7, 9]);
  assert.deepEqual(await ask("copy", { number: 7, form: "hex" }), { text: "68 69" });
  const compared = await ask("compare", { one: 4, other: 7 });
  assert.deepEqual([compared.at, compared.pages.length, (await ask("compare", { one: 4, other: 4 })).at], [0, 2, -1]);
  assert.equal(await ask("act", {}), "A saved page cannot do that.");
  assert.equal(await ask("detail", { number: 5 }), "Record 5 is not in this page.");
});

test("its filter looks into whole payloads", async () => {
  for (const [given, numbers] of /** @type {[any, number[]][]} */ ([
    [{ text: "NEEDLE" }, [4]], [{ text: "^one.*le$", regex: true }, [4]], [{ types: ["ping"] }, [7]], [{ direction: "received" }, [4, 9]], [{ connection: 2 }, [7]], [{ errors: true }, [9]],
  ])) assert.deepEqual((await ask("find", { ...query, ...given })).numbers, numbers);
  assert.match(await ask("find", { ...query, text: "(", regex: true }), /Invalid regular expression/);
});
