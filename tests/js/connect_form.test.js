import assert from "node:assert/strict";
import { test } from "node:test";

import { pathOf, readHeaders, writeHeaders } from "../../astra_nb/widgets/static/js/connect_form.js";

test("a header is a line, and its value may hold what it likes", () => {
  const headers = { Cookie: "a=1; b=2", "X-Time": "12:30", "X-Empty": "" };
  assert.deepEqual(readHeaders("Cookie: a=1; b=2\n\n X-Time :12:30\nX-Empty:"), headers);
  assert.deepEqual(readHeaders(writeHeaders(headers)), headers);
  assert.deepEqual(readHeaders(""), {});
});

test("a line that is not a header is named", () => {
  for (const wrong of ["junk", ": value"]) assert.throws(() => readHeaders(wrong), /is not a header; write one on each line/);
});

test("the form begins with the path of the newest open connection", () => {
  assert.equal(pathOf([]), "/");
  assert.equal(pathOf([[1, "/chat", "", "open"], [2, "/room", "", "open"], [3, "/broken", "", "failed"]]), "/room");
});
