import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { COLUMNS, ROW_HEIGHT, RowList, cellTexts, remarks } from "../../astra_nb/widgets/static/js/row_list.js";
import { fake, install } from "./fake_dom.js";
import { row } from "./rows.js";

const VISIBLE = 10; // rows
const HEAD_HEIGHT = 23; // pixels

/** @typedef {import("../../astra_nb/widgets/static/js/ring.js").Entry} Entry */

beforeEach(install);

/** @param {Entry[]} entries */
function listed(entries = []) {
  /** @type {(string | number)[]} */
  const heard = [];
  /** @type {boolean[]} */
  const follows = [];
  const list = new RowList({
    onSelect: ({ number }) => heard.push(number),
    onOpen: () => heard.push("open"),
    onFollow: (follow) => follows.push(follow),
  });
  const scroller = fake(list.scroller);
  scroller.clientHeight = HEAD_HEIGHT + VISIBLE * ROW_HEIGHT;
  Object.defineProperty(scroller, "scrollHeight", {
    get: () => HEAD_HEIGHT + Number.parseFloat(fake(list.runway).style.height || "0"),
  });
  const lines = () => fake(list.space).children.filter((line) => !line.hidden);
  const texts = (/** @type {string} */ key) =>
    lines().map((line) => line.children[COLUMNS.findIndex((column) => column.key === key)]?.textContent);
  const scrollTo = (/** @type {number} */ top) => {
    scroller.scrollTop = top;
    scroller.fire("scroll");
  };
  const press = (/** @type {string[]} */ ...keys) => keys.forEach((key) => scroller.fire("keydown", { key }));
  list.setFollow(true);
  list.show(entries, 0, "Nothing yet.");
  return { list, scroller, heard, follows, lines, texts, scrollTo, press };
}

const some = (/** @type {number} */ count) => Array.from({ length: count }, (_, index) => row(index + 1));
/** @type {Entry} */
const gap = { kind: "gap", number: 2, count: 3 };

test("only the rows in sight are in the page, and the newest is among them", () => {
  const { list, scroller, texts } = listed(some(5000));
  const numbers = texts("number");
  assert.ok(numbers.length <= VISIBLE + 5, `${numbers.length} lines`);
  assert.equal(numbers.at(-1), "5000");
  assert.equal(scroller.getAttribute("aria-rowcount"), "5001");
  assert.equal(fake(list.runway).style.height, `${5000 * ROW_HEIGHT}px`);
  list.show(some(5001), 0, "");
  assert.equal(texts("number").at(-1), "5001", "it follows");
  list.show(some(3), 0, "");
  assert.deepEqual(texts("number"), ["1", "2", "3"], "lines that are not needed are hidden");
});

test("without rows it says why", () => {
  const { list, lines } = listed();
  assert.equal(fake(list.empty).textContent, "Nothing yet.");
  assert.equal(lines().length, 0);
  list.show(some(1), 0, "Nothing yet.");
  assert.equal(fake(list.empty).textContent, "");
});

test("scrolling up stops following, and what is read stays where it is", () => {
  const { list, scroller, follows, texts, scrollTo } = listed(some(1000));
  scrollTo(500 * ROW_HEIGHT);
  assert.deepEqual([list.follow, follows], [false, [false]]);
  assert.equal(list.topIndex(), 500);
  assert.ok(texts("number").includes("501"));
  list.show(some(1200), 0, "");
  assert.equal(scroller.scrollTop, 500 * ROW_HEIGHT);
  list.show(some(1200).slice(100), 100, "");
  assert.equal(scroller.scrollTop, 400 * ROW_HEIGHT, "rows above were cut off");
  assert.ok(texts("number").includes("501"));
  scrollTo(10 ** 9);
  assert.deepEqual([list.follow, follows], [true, [false, true]]);
});

test("arrow keys choose rows and pass over gaps; Enter opens", () => {
  const { list, heard, lines, press } = listed([row(1), gap, row(5), row(6)]);
  press("Enter");
  assert.deepEqual(heard, [], "nothing is chosen yet");
  press("ArrowDown", "ArrowUp", "ArrowUp", "ArrowUp");
  assert.deepEqual(heard, [6, 5, 1, 1]);
  const chosen = lines().filter((line) => line.getAttribute("aria-selected") === "true");
  assert.deepEqual(chosen.map((line) => line.dataset.index), ["0"]);
  assert.equal(fake(list.scroller).getAttribute("aria-activedescendant"), chosen[0]?.id);
  press("ArrowDown", "End", "Home", "Enter", "x");
  assert.deepEqual(heard.slice(-4), [5, 6, 1, "open"]);
});

test("a chosen row is scrolled into sight", () => {
  const { list, scroller, heard } = listed(some(1000));
  list.select(100);
  assert.equal(scroller.scrollTop, 100 * ROW_HEIGHT);
  list.select(150);
  assert.equal(scroller.scrollTop, (150 - VISIBLE + 1) * ROW_HEIGHT);
  assert.deepEqual(heard, [101, 151]);
  assert.equal(list.follow, false);
  assert.equal(list.selectedIndex(), 150);
  list.show(some(1000).slice(120), 120, "");
  assert.equal(list.selectedIndex(), 30, "by its number, wherever it is");
});

test("a click chooses its row, and one on a gap the next", () => {
  const { list, heard, lines } = listed([row(1), gap, row(5)]);
  const space = fake(list.space);
  space.fire("click", { target: lines()[0]?.children[3] });
  space.fire("click", { target: lines()[1] });
  space.fire("click", { target: space });
  assert.deepEqual(heard, [1, 5]);
});

test("a line says what its row is", () => {
  const { list, lines, texts } = listed([
    row(1), gap,
    row(5, { type: "reserved", refused: true, note: "refused: invalid opcode", direction: "sent" }),
    row(6, { kind: "opened", type: "", text: "/ with a peer" }),
  ]);
  assert.deepEqual(texts("type"), ["text", "", "reserved", "open"]);
  assert.deepEqual(texts("payload"), [
    '"Hello"', "3 records left out of this view; server.log has the newest of them",
    '"Hello"refused: invalid opcode', "/ with a peer",
  ]);
  const classes = lines().map((line) => line.className.split(" "));
  assert.ok(classes[1]?.includes("astra-gap"));
  assert.ok(classes[2]?.includes("astra-refused") && classes[2].includes("astra-d-sent"));
  list.contexts = new Map([[1, "byte 7: ..."]]);
  list.selected = 1;
  list.draw();
  assert.equal(texts("payload")[0], "byte 7: ...", "where the filter's text is");
  assert.ok(lines()[0]?.className.includes("astra-selected"));
});

test("times are relative, from the row above, or of the clock", () => {
  const { list, texts } = listed([row(1, { time: 100 }), gap, row(5, { time: 100.5 })]);
  list.origin = 100;
  list.draw();
  assert.deepEqual(texts("time"), ["0.0000", "", "0.5000"]);
  list.timeForm = "delta";
  list.draw();
  assert.deepEqual(texts("time"), ["0.0000", "", "0.5000"]);
  list.timeForm = "absolute";
  list.draw();
  assert.match(texts("time")[2] ?? "", /^\d\d:\d\d:40\.500$/);
});

test("no time is below 0 when the kernel's clock was set back", () => {
  const { list, texts } = listed([row(1, { time: 1_000_100 }), row(2, { time: 101 })]);
  list.origin = 1_000_100;
  for (const form of /** @type {const} */ (["relative", "delta"])) {
    list.timeForm = form;
    list.draw();
    assert.deepEqual(texts("time"), ["0.0000", "0.0000"]);
  }
});

test("columns widen with what is in them", () => {
  const { list } = listed([row(1_234_567, { length: 10_485_760 })]);
  const { style } = fake(list.root);
  assert.deepEqual(["number", "length", "connection"].map((key) => style[`--astra-${key}-width`]), ["7ch", "10ch", "4ch"]);
});

test("cells are in the order of the columns, up to the payload", () => {
  const texts = cellTexts(row(7, { key: "37 fa 21 3d", length: 1234 }), "relative", 0, 0);
  assert.deepEqual(texts, ["7", "7.0000", "#1", "\u2193 received", "text", "F \u00b7\u00b7\u00b7 M", "37 fa 21 3d", "1,234"]);
  assert.equal(texts.length, COLUMNS.length - 1);
});

test("remarks name what a row is part of", () => {
  assert.equal(remarks(row(1, { complete: false, changed: true })), "cut short \u00b7 compressed");
  assert.equal(remarks(row(1, { fragment: { type: "text", first: 1, index: 1, last: false } })), "first fragment of a text message");
  assert.equal(remarks(row(2, { answer: { number: 1, after: 0.5, kind: "close" } })), "answers close 1");
  assert.equal(remarks(row(2, { kind: "error", type: "", note: "the traceback" })), "the traceback");
});
