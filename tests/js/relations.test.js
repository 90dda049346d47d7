import assert from "node:assert/strict";
import { test } from "node:test";

import { Relations } from "../../astra_nb/widgets/static/js/relations.js";
import { remarks } from "../../astra_nb/widgets/static/js/row_list.js";
import { row } from "./rows.js";

/** @param {import("./rows.js").Row[]} rows */
function related(...rows) {
  const relations = new Relations();
  for (const each of rows) relations.annotate(each);
  return relations;
}

const server = /** @type {const} */ ({ direction: "sent", sender: "server" });

test("a pong answers the newest ping of the other end with the same payload", () => {
  const pong = row(4, { type: "pong", check: 7, length: 2 });
  const relations = related(
    row(1, { type: "ping", check: 7, length: 2, ...server }),
    row(2, { type: "ping", check: 7, length: 2, ...server }),
    row(3, { type: "ping", check: 7, length: 2 }),
    pong,
  );
  assert.deepEqual(pong.answer, { number: 2, after: 2, kind: "pong" });
  assert.equal(relations.roundTrips.get(1), 2);
  assert.equal(remarks(pong), "answers ping 2, 2.0 s");
});

test("a pong on another connection or with another payload answers nothing", () => {
  const ping = row(1, { type: "ping", check: 7, ...server });
  const elsewhere = row(2, { type: "pong", check: 7, connection: 2 });
  const other = row(3, { type: "pong", check: 8 });
  related(ping, elsewhere, other);
  assert.equal(elsewhere.answer, undefined);
  assert.equal(other.answer, undefined);
});

test("fragments belong to their message, with control frames between them", () => {
  const rows = [
    row(1, { fin: false }),
    row(2, { type: "ping" }),
    row(3, { type: "continuation", fin: false }),
    row(4, { type: "continuation", fin: false, ...server }),
    row(5, { type: "continuation" }),
    row(6),
  ];
  related(...rows);
  assert.deepEqual(rows.map(({ fragment }) => fragment?.index), [1, undefined, 2, undefined, 3, undefined]);
  assert.equal(remarks(rows[4] ?? row(0)), "last fragment 3 of the text message that began in 1");
});

test("a message right after one of the other end is its reply, and only the first", () => {
  const reply = row(2, { ...server });
  const second = row(3, { ...server });
  related(row(1), reply, second);
  assert.deepEqual(reply.answer, { number: 1, after: 1, kind: "reply" });
  assert.equal(second.answer, undefined);
});

test("a close answers the other end's close", () => {
  const second = row(2, { type: "close", ...server });
  related(row(1, { type: "close" }), second);
  assert.deepEqual(second.answer, { number: 1, after: 1, kind: "close" });
});

test("refused frames are related to nothing, and an ended connection is forgotten", () => {
  const pong = row(3, { type: "pong", check: 1, refused: true });
  const relations = related(row(1, { type: "ping", check: 1, ...server }), pong);
  assert.equal(pong.answer, undefined);
  relations.annotate(row(4, { kind: "closed", type: "" }));
  assert.equal(relations.pings.size, 0);
});
