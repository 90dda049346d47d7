// What is copied under the tabs Handshake and Why: what they show.
import assert from "node:assert/strict";
import { test } from "node:test";

import { handshakeText, whyText } from "../../astra_nb/widgets/static/js/tab_text.js";

test("why a connection ended is copied as its sentence and the rows that led to it", () => {
  const chain = [
    { number: 7, bad: true, text: "The text is not UTF-8.", notes: ["Refused with 1007."], time: 10 },
    { number: 9, bad: false, text: "closed", notes: [], time: 10.5 },
  ];
  assert.equal(whyText({ sentence: "#1 ended with 1007.", chain }),
    "#1 ended with 1007.\n\nWhat happened\n7  The text is not UTF-8.\n    Refused with 1007.\n9  closed\n    500 ms after the first of these");
});

test("a handshake is copied as its lines, with what they mean below", () => {
  const heads = [
    { start_line: "GET / HTTP/1.1", headers: [{ name: "Host", value: "here", meaning: "" }, { name: "Upgrade", value: "websocket", meaning: "asks for it" }], steps: /** @type {[string, string][]} */ ([]) },
    { start_line: "HTTP/1.1 101", headers: [], steps: /** @type {[string, string][]} */ ([["SHA-1", "b3"]]) },
  ];
  assert.equal(handshakeText(heads),
    "GET / HTTP/1.1\nHost: here\nUpgrade: websocket\n    asks for it\n\nHTTP/1.1 101\n\nHow Sec-WebSocket-Accept is computed (section 4.2.2)\nSHA-1\n    b3");
});
