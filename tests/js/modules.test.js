// What every widget module keeps to, whatever it draws.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const folder = join(import.meta.dirname, "../../astra_nb/widgets/static");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".js"));

/**
 * What a module must not hold, found in its code; comments may name it.
 * @param {string} source
 * @param {RegExp} unwanted
 */
function assertWithout(source, unwanted) {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  assert.equal(code.match(unwanted)?.[0], undefined);
}

test("there are modules to check", () => {
  assert.notEqual(files.length, 0);
});

for (const name of files) {
  const source = readFileSync(join(folder, name), "utf8");

  test(`${name} loads in Node, so it touches no page before it is asked to`, async () => {
    await import(join(folder, name));
  });

  test(`${name} takes in nothing but its neighbours`, () => {
    assertWithout(source, /\bfrom\s*["'](?!\.\/[\w/]+\.js["'])[^"']*["']/);
    assertWithout(source, /\bimport\s*\(|\bimportScripts\s*\(/);
    assertWithout(source, /https?:\/\/(?!www\.w3\.org\/)[\w.-]+\.\w/);
  });

  test(`${name} puts no text into a page as markup`, () => {
    assertWithout(source, /\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b/);
    assertWithout(source, /\beval\s*\(|new Function\b/);
  });
}
