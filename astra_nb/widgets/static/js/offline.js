// The panel in a page of its own: the requests are answered from the records in the page.

import { messageOf } from "./format.js";
import { View } from "./panel.js";
import { Store } from "./store.js";

/**
 * @typedef {{ detail: any, payload: any, whole: any, text: string, explanation: string, drawing: string }} Kept
 * @typedef {{ fields: string[], rows: any[][], records: Kept[], errors: number[], connections: any[], origin: number, catalog: any, spans: [number, number][], note: string }} Content
 */

/** Unpack what `html_page.py` packed, and show it. @param {HTMLElement} el @param {string} packed */
export async function showOffline(el, packed) {
  const bytes = Uint8Array.from(atob(packed.trim()), (character) => character.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const content = /** @type {Content} */ (await new Response(unpacked).json());
  const { signal } = new AbortController();
  if (matchMedia("(prefers-color-scheme: dark)").matches) document.body.dataset.jpThemeLight = "false";
  void new View(el, new Store(offlineModel(content), signal), signal);
}

/** A model without a kernel. @param {Content} content @returns {any} */
export function offlineModel(content) {
  const { fields, rows, records, errors, connections, origin, spans } = content;
  const at = Object.fromEntries(fields.map((name, index) => [name, index]));
  const places = new Map(rows.map((row, index) => [row[at.number ?? 0], index]));
  const marked = new Set(errors);
  const status = {
    state: "log", url: "", sends: false, of_server: true, targets: [], saved: [], requests: [], file: false, note: content.note, total: connections.length,
    open: connections.filter((each) => each.state === "open").length, connections: connections.map((each) => [each.id, each.path, each.who || each.peer, each.state]),
  };
  const record = (/** @type {number} */ number) => {
    const found = records[places.get(number) ?? -1];
    if (!found) throw new Error(`Record ${number} is not in this page.`);
    return found;
  };
  const matches = (/** @type {any} */ query) => {
    const pattern = query.regex && query.text ? new RegExp(query.text, "iu") : null;
    const wanted = query.text.toLowerCase();
    const cell = (/** @type {any[]} */ row, /** @type {string} */ name) => row[at[name] ?? -1];
    return (/** @type {any[]} */ row) => (query.types.length === 0 || query.types.includes(cell(row, "type")))
      && (query.direction === "" || query.direction === cell(row, "direction")) && (query.connection === 0 || query.connection === cell(row, "connection"))
      && (!query.errors || marked.has(cell(row, "number")))
      && (wanted === "" || [cell(row, "text"), cell(row, "note"), record(cell(row, "number")).text].some((text) => (pattern ? pattern.test(text) : text.toLowerCase().includes(wanted))));
  };
  const bytesOf = (/** @type {number} */ number) => atob(record(number).payload.base64);
  /** @type {Record<string, (fields: any) => any>} */
  const answers = {
    hello: () => ({ subshell: true }), heartbeat: () => ({}),
    open: () => ({ log: "page", spans, dropped: 0, origin, time: 0, fields, rows: rows.slice(-200), errors, status, said: { sentence: "", failed: false, code: "" } }),
    rows: ({ numbers }) => ({ fields, rows: numbers.map((/** @type {number} */ number) => rows[places.get(number) ?? -1]).filter(Boolean), contexts: {} }),
    find: (query) => ({ numbers: rows.filter(matches(query)).map((row) => row[0]), searched: rows.length, below: 0, to: spans.at(-1)?.[1] ?? 0 }),
    detail: ({ number }) => record(number).detail,
    payload: ({ number, whole }) => { const kept = record(number); return (whole && kept.whole) || kept.payload; },
    wire: () => ({ hex: "" }),
    copy: ({ number, form }) => {
      const kept = record(number);
      const bytes = bytesOf(number);
      const hex = [...bytes].map((character) => character.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
      return { text: { payload: kept.payload.as === "text" ? kept.text : hex, hex, base64: kept.payload.base64, drawing: kept.drawing, explanation: kept.explanation }[/** @type {"hex"} */ (form)] ?? `bytes.fromhex("${hex}")` };
    },
    compare: ({ one, other }) => {
      const pages = [one, other].map((number) => record(number).payload);
      const [first = "", second = ""] = [one, other].map(bytesOf);
      let at = 0;
      while (at < first.length && first[at] === second[at]) at += 1;
      return { at: first === second ? -1 : at, pages };
    },
    connections: () => ({ connections, now: 0 }),
  };
  /** @type {((content: any) => void) | undefined} */
  let receive;
  return {
    get: (/** @type {string} */ name) => ({ catalog: content.catalog, copy_key: "", bits: false })[name],
    on: (/** @type {string} */ name, /** @type {(content: any) => void} */ callback) => { if (name === "msg:custom") receive = callback; },
    off: () => {},
    send: (/** @type {any} */ { kind, id, page, ...asked }) => {
      queueMicrotask(() => {
        const answer = answers[kind];
        try {
          if (!answer) throw new Error("A saved page cannot do that.");
          receive?.({ kind: "answer", page, id, value: answer(asked) });
        } catch (problem) {
          receive?.({ kind: "answer", page, id, error: messageOf(problem) });
        }
      });
    },
  };
}
