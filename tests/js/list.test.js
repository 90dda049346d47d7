// The list of rows over a fake document: which lines it draws into, and where it stands.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { RowList } from "../../astra_nb/widgets/static/js/list.js";
import { Sorted, Spans } from "../../astra_nb/widgets/static/js/numbers.js";
import { fake, install } from "./fake_dom.js";
import { row } from "./rows.js";

/** @typedef {import("../../astra_nb/widgets/static/js/rows.js").Row} Row */

const IN_SIGHT = 5;

/** A list and what it knows. @returns {{ list: RowList, rows: Map<number, Row>, go: (last: number) => void }} */
function listOf() {
  /** @type {Map<number, Row>} */
  const rows = new Map();
  const store = /** @type {any} */ ({ rows, errors: [], last: 1, origin: 0, totals: new Map(), status: {} });
  const list = new RowList(store, /** @type {any} */ ({ fetch: async () => ({}), onFollow() {}, onScroll() {}, onSight() {}, onSelect() {} }));
  fake(list.scroller).clientHeight = 24 + 20 * IN_SIGHT;
  list.resize();
  const go = (/** @type {number} */ last) => {
    for (let number = last - 60; number <= last; number += 1) rows.set(number, rows.get(number) ?? row(number));
    list.show(new Spans([[last - 60, last]]), "");
    list.settle();
  };
  return { list, rows, go };
}

/** The lines in sight: number, and place in the piece, in the order of the page. @param {RowList} list */
const drawn = (list) => list.pool.filter(({ root }) => !root.hidden).map(({ number, place }) => [number, place]);

beforeEach(install);

test("in a flood every line gets another text, and none is moved, shown or hidden", () => {
  const { list, go } = listOf();
  go(100);
  const [before, places] = [drawn(list), list.pool.map(({ root }) => [fake(root).style.top, root.hidden])];
  go(5000);
  go(90_000);
  assert.deepEqual(list.pool.map(({ root }) => [fake(root).style.top, root.hidden]), places);
  assert.deepEqual(drawn(list).map(([number = 0]) => number - 90_000), before.map(([number = 0]) => number - 100));
  assert.equal(drawn(list).at(-1)?.[0], 90_000);
});

test("a line that stays in sight stays as it is, and the new row is the only one that is drawn", () => {
  const { list, go } = listOf();
  go(100);
  const before = new Map(list.pool.map((line) => [line.number, line.place]));
  go(101);
  for (const [number, place] of drawn(list)) if (before.has(number ?? 0)) assert.equal(place, before.get(number ?? 0));
  assert.equal(drawn(list).some(([number]) => number === 101), true);
  assert.equal(new Set(list.pool.map(({ place }) => place)).size, list.pool.length);
});

test("whatever is filtered, each row in sight has one line, and no other line is there", () => {
  const { list, go } = listOf();
  go(100);
  list.setFollow(false);
  let seed = 17;
  const some = () => { seed = seed * 48_271 % 2_147_483_647; return seed / 2_147_483_647; };
  for (let turn = 0; turn < 500; turn += 1) {
    const share = some() * some();
    list.show(new Sorted(Array.from({ length: 61 }, (_, at) => 40 + at).filter(() => some() < share)), "");
    if (some() < 0.5) list.choose(40 + Math.floor(61 * some()));
    const shown = drawn(list);
    const numbers = shown.map(([number = 0]) => number).sort((a, b) => a - b);
    const from = Math.max(0, list.top - 2);
    assert.deepEqual(numbers, Array.from({ length: shown.length }, (_, nth) => list.index.at(from + nth)), `turn ${turn}`);
    assert.equal(new Set(shown.map(([, place]) => place)).size, shown.length);
  }
});

test("the page is told to scroll only where the end is another one", () => {
  const { list, go } = listOf();
  go(100);
  assert.equal(list.scroller.scrollTop, 24 + 61 * 20 - list.height);
  let told = 0;
  Object.defineProperty(list.scroller, "scrollTop", { get: () => list.settled, set: () => { told += 1; } });
  go(5000);
  assert.equal(told, 0);
  list.show(new Spans([[1, 5000]]), "");
  list.settle();
  assert.equal(told, 1);
});

test("the byte that breaks a text is marked, and the next row in that line has no mark", () => {
  const { list, rows, go } = listOf();
  rows.set(100, row(100, { text: '"caf\\xe9"', mark: [4, 8] }));
  go(100);
  const line = list.pool.find(({ number }) => number === 100);
  const marks = () => fake(line?.text).children.map((each) => each.textContent);
  assert.deepEqual([fake(line?.text).textContent, marks()], ['"caf\\xe9"', ["\\xe9"]]);
  rows.set(5000, row(5000, { text: '"caf\\xe9"' }));
  go(5000);
  assert.deepEqual([line?.number, fake(line?.text).textContent, marks()], [5000, '"caf\\xe9"', []]);
});

test("a column widens with its longest text and is narrow again with other times", () => {
  const { list, go } = listOf();
  const width = () => fake(list.scroller).style["--astra-time-text"];
  go(100);
  list.timeForm = "absolute";
  list.draw(true);
  assert.equal(width(), "12");
  list.unfit();
  list.timeForm = "relative";
  list.draw(true);
  assert.equal(width(), "7");
});

test("another height of the list does not end Follow; the person's own scrolling does", () => {
  const { list, go } = listOf();
  go(100);
  const scroller = fake(list.scroller);
  scroller.scrollHeight = 24 + 61 * 20;
  scroller.clientHeight += 200; // the page goes up by itself, and says so before it says why
  scroller.scrollTop = Infinity;
  scroller.fire("scroll");
  assert.equal(list.follow, true);
  list.resize();
  go(101);
  assert.deepEqual([list.follow, drawn(list).some(([number]) => number === 101)], [true, true]);
  scroller.scrollTop -= 60;
  scroller.fire("scroll");
  assert.equal(list.follow, false);
});

test("what happens while the list is hidden is there, and scrolled to, when it is shown again", () => {
  const { list, go } = listOf();
  const scroller = fake(list.scroller);
  const shown = (/** @type {boolean} */ on) => {
    scroller.clientHeight = on ? 24 + 20 * IN_SIGHT : 0;
    scroller.scrollHeight = on ? Infinity : 0; // a hidden element does not scroll
    list.resize();
  };
  go(100);
  list.setFollow(false);
  scroller.scrollTop = 0;
  scroller.fire("scroll");
  const acts = /** @type {[() => void, number][]} */ ([
    [() => list.choose(90), 90], [() => list.choose(45), 45], [() => go(104), 45], [() => list.setFollow(true), 104],
  ]);
  for (const says of [true, false]) { // a browser may forget where it stood, and say so
    for (const [act, number] of acts) {
      shown(false);
      act();
      scroller.scrollTop = 0;
      if (says) scroller.fire("scroll");
      shown(true);
      assert.equal(scroller.scrollTop, list.scrollTop, `${act}`);
      assert.equal(isWhole(list, number), true, `${act}`);
    }
  }
});

test("the pinned row has a mark, and the next row in that line has none", () => {
  const { list, go } = listOf();
  list.pinned = 100;
  go(100);
  const line = list.pool.find(({ number }) => number === 100);
  assert.deepEqual([fake(line?.gutter).textContent, fake(line?.gutter).getAttribute("aria-label")], ["\u25c6", "pinned"]);
  go(5000);
  assert.deepEqual([line?.number, fake(line?.gutter).textContent, fake(line?.gutter).getAttribute("aria-label")], [5000, "", ""]);
});

test("the last row in sight is known while the list stands still and rows come", () => {
  const { list, rows, go } = listOf();
  go(100);
  assert.equal(list.bottom, 100);
  list.setFollow(false);
  for (let number = 40; number <= 110; number += 1) rows.set(number, row(number));
  list.show(new Spans([[40, 110]]), "");
  assert.equal(list.bottom, 100);
  fake(list.scroller).scrollTop += 60;
  fake(list.scroller).fire("scroll");
  assert.equal(list.bottom, 103);
});

/** Whether a row is whole between the head and the lower edge. @param {RowList} list @param {number} number */
function isWhole(list, number) {
  const line = list.pool.find((one) => one.number === number && !one.root.hidden);
  const top = 24 + list.y + 20 * (line?.place ?? NaN) - list.scrollTop;
  return top >= 24 && top + 20 <= list.height;
}

test("a row that is chosen comes whole into sight, out from under the head and the lower edge", () => {
  const { list, go } = listOf();
  go(100);
  list.setFollow(false);
  const jumps = /** @type {[number, number][]} */ ([[119, 45], [119, 51], [119, 46], [101, 50], [101, 90], [119, 100], [119, 40]]);
  for (const [scrolled, number] of jumps) {
    fake(list.scroller).scrollTop = scrolled;
    fake(list.scroller).fire("scroll");
    list.choose(number);
    assert.equal(isWhole(list, number), true, `${number}, scrolled to ${scrolled}`);
  }
});

test("each row of a log that is higher than a page may be can be brought into sight", () => {
  const { list, rows } = listOf();
  const last = 1_000_003;
  for (const number of [1, 2, 7, 500_000, 777_777, last - 12, last - 5, last - 1, last]) rows.set(number, row(number));
  list.handlers.fetch = () => new Promise(() => {}); // the others never come
  list.setFollow(false);
  list.show(new Spans([[1, last]]), "");
  for (const number of rows.keys()) {
    list.choose(number);
    assert.equal(isWhole(list, number), true, String(number));
  }
});

test("the chosen row stays in sight when the filter goes", () => {
  const { list, go } = listOf();
  go(100);
  list.store.last = 100;
  for (const hit of [80, 99]) {
    list.show(new Spans([[41, 41], [60, 60], [80, 80], [99, 99]]), "");
    list.choose(hit);
    list.show(new Spans([[40, 100]]), "");
    assert.equal(isWhole(list, hit), true, String(hit));
  }
});

test("the life line of a connection keeps its place, and what has none of its own shares the last", () => {
  const { list, rows, go } = listOf();
  const status = (/** @type {number} */ count) => ({ total: count, connections: Array.from({ length: count }, (_, at) => [at + 1, "/", "", "open"]) });
  Object.assign(list.store, { status: status(30), model: { get: () => ({ drawing: { dashes: "", received: "", sent: "" } }) } });
  fake(list.scroller).clientWidth = 900;
  list.resize();
  list.asSequence = true;
  const heads = () => fake(list.laneHead).children.map((each) => each.textContent);
  for (let number = 40; number <= 5000; number += 1) rows.set(number, row(number, { connection: number > 4900 ? 29 : 2 }));
  go(100);
  const before = heads();
  assert.deepEqual(before, ["client", "#1", "#2", "#3", "#4", "#5", "+25"]);
  go(5000);
  assert.deepEqual(heads(), before);
  const shared = list.pool.find(({ number }) => number === 5000);
  assert.deepEqual(fake(shared?.ladder).children.map((each) => each.textContent), ["", "#29", "from #29"]);
  list.only = 29;
  list.draw(true);
  assert.deepEqual(heads(), ["client", "#29"]);
});

test("rows that do not come are not asked for without end", async () => {
  const { list } = listOf();
  let asked = 0;
  list.handlers.fetch = async () => { asked += 1; return {}; };
  list.show(new Spans([[1, 100]]), "");
  const first = asked;
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  assert.deepEqual([first > 0, asked], [true, first]);
  list.show(new Spans([[1, 100]]), ""); // news
  assert.equal(asked, first + 1);
});
