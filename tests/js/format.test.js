import assert from "node:assert/strict";
import { test } from "node:test";

import { ascii, bitLetters, counted, flags, grouped, hex, hexOf, quoted, size, span, visible } from "../../astra_nb/widgets/static/js/format.js";
import { duration } from "../../astra_nb/widgets/static/js/rows.js";
import { polyline, Rates } from "../../astra_nb/widgets/static/js/rates.js";

test("numbers are grouped and counted", () => {
  assert.equal(grouped(1234567), "1,234,567");
  assert.equal(counted(1, "frame"), "1 frame");
  assert.equal(counted(0, "frame"), "0 frames");
});

test("sizes and times have their unit", () => {
  assert.equal(size(1023), "1023 B");
  assert.equal(size(1536), "1.5 KiB");
  assert.equal(size(10 * 2 ** 20), "10.0 MiB");
  assert.equal(duration(0.00042), "0.42 ms");
  assert.equal(duration(0.0425), "43 ms");
  assert.equal(span(-0.5), "-0.5000");
});

test("bytes and bits", () => {
  assert.equal(hex(10), "0a");
  assert.equal(hexOf(new Uint8Array([0, 171]), " "), "00 ab");
  assert.equal(ascii(0x41), "A");
  assert.equal(ascii(0x1b), "\u00b7");
  assert.equal(flags({ fin: true, rsv: 4, masked: true }), "FIN 1\u00b7\u00b7 MASK");
  assert.equal(bitLetters({ fin: false, rsv: 1, masked: false }), "\u00b7 \u00b7\u00b73 \u00b7");
});

test("rates are per second, and an old second is forgotten", () => {
  const rates = new Rates();
  rates.add(1000.2, 5);
  rates.add(1000.9, 5);
  const minute = rates.lastMinute(1001);
  assert.equal(minute.length, 60);
  assert.deepEqual(minute.slice(58), [10, 0]);
  for (let second = 0; second < 500; second += 1) rates.add(2000 + second, 1);
  assert.ok(rates.seconds.size <= 121);
});

test("the plot's highest value touches the top", () => {
  assert.equal(polyline([0, 10], 100, 20), "0.0,19.0 100.0,1.0");
});

test("what would act is an escape", () => {
  assert.equal(visible("a\u001b[31m\u0000\u202e\u200b\n\u{1f600}"), "a\\x1b[31m\\x00\\u202e\\u200b\\n\u{1f600}");
  assert.equal(visible("\ud800"), "\\ud800");
});

test("a long text is cut, and says how long it is", () => {
  assert.equal(quoted("a\u202eb\n", 120), '"a\\u202eb\\n"');
  assert.equal(quoted("x".repeat(130), 120), `"${"x".repeat(120)}"... 130 characters`);
});
