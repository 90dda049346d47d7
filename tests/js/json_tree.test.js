import assert from "node:assert/strict";
import { test } from "node:test";

import { parseTree, visible } from "../../astra_nb/widgets/static/js/json_tree.js";

test("only objects and lists are trees", () => {
  assert.deepEqual(parseTree(' {"a": [1]}'), { a: [1] });
  assert.deepEqual(parseTree("[]"), []);
  for (const text of ["12", '"a"', "null", "{broken", ""]) assert.equal(parseTree(text), undefined);
});

test("what would act is an escape", () => {
  assert.equal(visible("a\u001b[31m\u0000\u202e\u200b\n\u{1f600}"), "a\\x1b[31m\\x00\\u202e\\u200b\\n\u{1f600}");
  assert.equal(visible("\ud800"), "\\ud800");
});
