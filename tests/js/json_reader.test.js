import assert from "node:assert/strict";
import { test } from "node:test";

import { JsonReader, numberNote, readJson, valuesByPath } from "../../astra_nb/widgets/static/js/json_reader.js";

/** The tokens of a text, joined again. @param {string} text */
const tokens = (text) => readJson(text).lines.map(({ key, value, comma }) => `${key}${key ? ":" : ""}${value}${comma}`).join("");

test("the tokens are those that were sent: numbers, order and equal keys", () => {
  for (const text of ['{"b":9007199254740993,"a":-0.0,"b":[1e999,1E+2,-1]}', '[]', '{}', '"\\u202e"', "12", "null", '[[],{},[{"":""}]]', "[true,false,null]"]) {
    assert.deepEqual(readJson(text).problem, "", text);
    assert.equal(tokens(text), text);
  }
  const { lines } = readJson('{"a":1,"\\u0061":2}');
  assert.equal(lines[2]?.aside, 'second "\\u0061": most readers keep this one');
});

test("a number that JavaScript cannot hold says what becomes of it", () => {
  assert.equal(numberNote("9007199254740993"), "past 2\u2075\u00b3: JavaScript reads 9007199254740992");
  assert.equal(numberNote("1e999"), "too large: JavaScript reads Infinity");
  for (const token of ["1", "-0", "-0.0", "0.1", "9007199254740992", '"1e999"']) assert.equal(numberNote(token), "");
});

test("what is not JSON says where", () => {
  for (const [text, problem] of [
    ["{", "not JSON at character 1: it ends too early"], ["[1,]", 'not JSON at character 3: "]" is not expected'], ['{"a" 1}', 'not JSON at character 5: ":" is missing'],
    ["01", "not JSON at character 1: something follows the value"], ["[1 2]", 'not JSON at character 3: "," is missing'], ["{1:2}", "not JSON at character 1: a key is missing"],
    ["nul", 'not JSON at character 0: "nul" is not a token'], ["", "not JSON at character 0: it ends too early"], ["[}", 'not JSON at character 1: "}" is not expected'],
    ['{"a":}', 'not JSON at character 5: "}" is not expected'], ["'a'", "not JSON at character 0: \"'a'\" is not a token"], ["[,", "not JSON at character 1: a value is missing"],
  ]) assert.equal(readJson(text ?? "").problem, problem, text);
});

test("it agrees with JSON.parse on what is JSON", () => {
  for (const text of ["1.", ".5", "-", "1e", '"\\x"', '"\t"', "[1]]", '{"a":1,}', " [ 1 , 2 ] ", "\ufeff1", "+1", "NaN", "{\"a\":{\"b\":[{}]}}"]) {
    let valid = true;
    try { JSON.parse(text); } catch { valid = false; }
    assert.equal(readJson(text).problem === "", valid, text);
  }
});

test("a depth of 100,000 is read without recursion", () => {
  const { lines, problem } = readJson("[".repeat(100_000) + "]".repeat(100_000));
  assert.deepEqual([lines.length, problem, lines[0]?.close], [200_000, "", 199_999]);
});

test("a text is read in pieces, wherever they end", () => {
  const text = '{"key \\" with":[12.5e3,true,"a \\\\ \\u00e4 text"],"b":{"c":null},"key \\" with":9007199254740993}';
  const whole = readJson(text).lines;
  for (let at = 0; at <= text.length; at += 1) {
    const reader = new JsonReader();
    const lines = [...reader.read(text.slice(0, at), false), ...reader.read(text.slice(at))];
    assert.equal(reader.problem, "", `cut at ${at}`);
    const joined = lines.map(({ key, value }) => `${key}:${value}`).join(" ").replaceAll("\u2026", "").replaceAll(/[: ]/g, "");
    const expected = whole.map(({ key, value }) => `${key}:${value}`).join(" ").replaceAll(/[: ]/g, "");
    const cutKey = lines.some(({ key }) => key.startsWith("\u2026"));
    if (!cutKey) assert.equal(joined, expected, `cut at ${at}`);
  }
  const reader = new JsonReader();
  assert.deepEqual(reader.read('[1, "a', false).map(({ value, aside }) => [value, aside]), [["[", ""], ["1", ""], ['"a\u2026', "goes on in the next page"]]);
  assert.deepEqual(reader.read("b".repeat(9), false).map(({ value }) => value), [`\u2026${"b".repeat(9)}`]);
  assert.deepEqual(reader.read('c"]').map(({ value, depth }) => [value, depth]), [['\u2026c"', 1], ["]", 0]]);
  reader.read("]");
  assert.match(reader.problem, /something follows the value/);
});

test("what is no JSON in a later piece says where in the whole text", () => {
  const reader = new JsonReader();
  reader.read("[1,", false);
  reader.read("2,x]");
  assert.equal(reader.problem, 'not JSON at character 5: "x]" is not a token');
});

test("values are found by their paths", () => {
  const found = valuesByPath(readJson('{"a":[1,{"b":-0.0},[]],"c":{},"a":"second"}').lines);
  assert.deepEqual([...found], [["$.a[0]", "1"], ["$.a[1].b", "-0.0"], ["$.a[2]", "[]"], ["$.c", "{}"], ["$.a", '"second"']]);
  assert.deepEqual([...valuesByPath(readJson('{"a":1,"a":2}').lines)], [["$.a", "1"], ["$.a (2)", "2"]]);
  assert.deepEqual([...valuesByPath(readJson("7").lines)], [["$", "7"]]);
});
