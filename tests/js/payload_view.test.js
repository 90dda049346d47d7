// The payload of a record, in pages that come later than they are asked for.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { PayloadView } from "../../astra_nb/widgets/static/js/payload_view.js";
import { install } from "./fake_dom.js";
import { settled } from "./fake_model.js";

beforeEach(install);

/** A view, and what brings the page that it asked for first. */
function opened() {
  /** @type {((page: import("../../astra_nb/widgets/static/js/payload_view.js").Page) => void)[]} */
  const asked = [];
  const view = new PayloadView(() => new Promise((resolve) => asked.push(resolve)));
  const bring = async (/** @type {string} */ text) => {
    asked.shift()?.({ offset: 0, total: text.length, base64: btoa(text), pieces: [["", text]], bad: -1, as: "text" });
    await settled();
    return view.body.textContent;
  };
  return { view, bring };
}

test("the page of a row that was left is not drawn", async () => {
  const { view, bring } = opened();
  void view.show(false);
  assert.equal(await bring("one"), "one");
  void view.show(false);
  view.leave(); // a third row was chosen; its detail comes before its payload
  assert.equal(await bring("two"), "one");
  void view.show(false);
  assert.equal(await bring("three"), "three");
});

test("another form, chosen while a page is under way, does not stop that page", async () => {
  const { view, bring } = opened();
  void view.show(false);
  await bring("one");
  void view.show(false);
  await view.choose("Base64");
  assert.equal(view.body.textContent, btoa("one"));
  assert.equal(await bring("two"), btoa("two"));
});
