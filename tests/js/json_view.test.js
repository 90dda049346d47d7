import assert from "node:assert/strict";
import { test } from "node:test";

import { numberNote, readJson } from "../../astra_nb/widgets/static/js/json_view.js";

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
