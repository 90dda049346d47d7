import assert from "node:assert/strict";
import { test } from "node:test";

import { CAUSES, checkAddressOf, completeAddress, describePage, judgeCheck, jupyterBase } from "../../astra_nb/widgets/static/js/address_check.js";

const facts = {
  seen: { text: "", code: 1006, opened: false, thrown: "" },
  answer: "0a1b", refused: 0, plain: 0, secure: false, url: "ws://127.0.0.1:8080/",
};
const seen = (/** @type {Partial<typeof facts.seen>} */ more) => ({ ...facts.seen, ...more });

/** @type {[string, Partial<typeof facts>][]} */
const cases = [
  ["reached", { seen: seen({ text: "0a1b", code: 1000, opened: true }) }],
  ["reached", { seen: seen({ text: "0a1b", code: 1005, opened: true }) }],
  ["other", { seen: seen({ text: "hello", opened: true }) }],
  ["mixed", { seen: seen({ thrown: "SecurityError" }) }],
  ["syntax", { seen: seen({ thrown: "SyntaxError" }) }],
  ["origin", { refused: 403 }],
  ["host", { refused: 421 }],
  ["missing", { plain: 404 }],
  ["login", { plain: 403 }],
  ["login", { plain: 302 }],
  ["gateway", { plain: 500 }],
  ["gateway", { plain: 503 }],
  ["http only", { plain: 426 }],
  ["mixed", { secure: true }],
  ["other", { plain: -1 }],
  ["other", { seen: seen({ opened: true }) }],
  ["nothing", {}],
];

for (const [cause, some] of cases) {
  test(`${cause}: ${JSON.stringify(some)}`, () => {
    assert.equal(judgeCheck({ ...facts, ...some }), cause);
    const result = { state: "blocked", cause, url: facts.url, status: 503, code: 1000, proxied: false, hint: "Do this." };
    const addresses = { url: "", running: true, candidates: [], why_not: "", check_path: "x", answer: "" };
    const [sentence, advice] = CAUSES[/** @type {"nothing"} */ (cause)](/** @type {any} */ (result), addresses);
    assert.match(sentence, /\.$/);
    assert.equal(advice !== "", cause !== "reached", "what is blocked says what to do");
  });
}

test("an empty answer is no proof", () => {
  assert.notEqual(judgeCheck({ ...facts, answer: "" }), "reached");
});

test("an address is completed by the page", () => {
  const page = "https://hub.example.org/user/jane/lab/tree/a?token=x#y";
  assert.equal(completeAddress("/user/jane/proxy/8080/", page), "wss://hub.example.org/user/jane/proxy/8080/");
  assert.equal(completeAddress("http://127.0.0.1:8080/#x", page), "ws://127.0.0.1:8080/");
  assert.throws(() => completeAddress("http://[", page));
  assert.equal(checkAddressOf("ws://a/proxy/1/?token=x", ".well-known/c"), "ws://a/proxy/1/.well-known/c");
});

test("a page says where it is, and no more", () => {
  const page = new URL("https://hub.example.org:8443/user/jane/lab?token=secret");
  assert.deepEqual(describePage(page, "/user/jane/"), { origin: "https://hub.example.org:8443", host: "hub.example.org:8443", base_url: "/user/jane/" });
  assert.deepEqual(describePage(new URL("vscode-webview://0a1b/x"), null), { origin: "vscode-webview://0a1b", host: "", base_url: null });
});

test("Jupyter's base is read from its page", () => {
  const page = (/** @type {string | null} */ config, /** @type {string | undefined} */ base = undefined) => /** @type {any} */ ({
    getElementById: () => (config === null ? null : { textContent: config }),
    body: { dataset: { baseUrl: base } },
    location: { href: "https://hub.example.org/user/jane/lab" },
  });
  assert.equal(jupyterBase(page('{"baseUrl": "/user/jane/", "token": "secret"}')), "/user/jane/");
  assert.equal(jupyterBase(page(null, "/tree/")), "/tree/");
  assert.equal(jupyterBase(page(null)), null);
  assert.equal(jupyterBase(page("nonsense")), null);
});
