import assert from "node:assert/strict";
import { test } from "node:test";

import { parseTree } from "../../astra_nb/widgets/static/js/json_tree.js";

test("only objects and lists are trees", () => {
  assert.deepEqual(parseTree(' {"a": [1]}'), { a: [1] });
  assert.deepEqual(parseTree("[]"), []);
  for (const text of ["12", '"a"', "null", "{broken", ""]) assert.equal(parseTree(text), undefined);
});
