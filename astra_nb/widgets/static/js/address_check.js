// The check which address of the server this page reaches: a real connection to a path that no
// handler serves, where the answer proves that it is this server and not another one.

/**
 * @typedef {{ url: string, proxied: boolean, hint: string }} Candidate
 * @typedef {object} Addresses
 * @property {string} url the kernel's address
 * @property {boolean} running
 * @property {Candidate[]} candidates
 * @property {string} why_not why no page can reach the kernel, or ""
 * @property {string} check_path
 * @property {string} answer what only this server answers at that path
 *
 * @typedef {"reached" | "stopped" | "mixed" | "origin" | "host" | "missing" | "gateway" | "login" |
 *   "http only" | "other" | "nothing" | "nowhere" | "syntax"} Cause
 * @typedef {object} CheckResult
 * @property {"reached" | "blocked"} state
 * @property {Cause} cause
 * @property {string} url
 * @property {number} status HTTP status that a plain request got, or the server gave; 0 for none
 * @property {number} code close code that arrived; the server sent 1000
 * @property {boolean} proxied
 * @property {string} hint
 *
 * @typedef {() => Promise<number>} AskRefusal status of the page's newest refused request; 0 for none
 */

const CHECK_TIMEOUT = 8000; // milliseconds

/**
 * Return what a page can report about where it is.
 * @param {Location | URL} location
 * @param {string | null} baseUrl
 */
export function describePage(location, baseUrl) {
  const { origin, protocol, host } = location;
  const http = protocol === "http:" || protocol === "https:";
  return { origin: http ? origin : `${protocol}//${host}`, host: http ? host : "", base_url: baseUrl };
}

/**
 * The path under which Jupyter is, as its page says; null on any other page.
 * @param {Document} page
 * @returns {string | null}
 */
export function jupyterBase(page) {
  try {
    const config = JSON.parse(page.getElementById("jupyter-config-data")?.textContent ?? "null");
    const base = config?.baseUrl ?? page.body?.dataset?.baseUrl;
    return typeof base === "string" ? new URL(base, page.location.href).pathname : null;
  } catch {
    return null;
  }
}

/**
 * The address that a page's `new WebSocket(url)` uses.
 * @param {string} url may begin with "/", or with http
 * @param {string} base address of the page
 */
export function completeAddress(url, base) {
  const full = new URL(url, base);
  full.protocol = full.protocol.replace(/^http/, "ws");
  full.hash = "";
  return full.href;
}

/** @param {string} url @param {string} path */
export function checkAddressOf(url, path) {
  const full = new URL(url);
  full.pathname = `${full.pathname.replace(/\/$/, "")}/${path}`;
  full.search = "";
  return full.href;
}

/**
 * Open a connection and return what happened to it.
 * @param {string} url
 * @returns {Promise<{ text: string, code: number, opened: boolean, thrown: string }>}
 */
function tryConnection(url) {
  const seen = { text: "", code: 0, opened: false, thrown: "" };
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    const timer = setTimeout(() => { socket.close(); resolve(seen); }, CHECK_TIMEOUT);
    socket.onopen = () => { seen.opened = true; };
    socket.onmessage = ({ data }) => { if (typeof data === "string") seen.text = data; };
    socket.onclose = ({ code }) => {
      clearTimeout(timer);
      resolve({ ...seen, code });
    };
  }).catch((error) => ({ ...seen, thrown: error instanceof Error ? error.name : String(error) }));
}

/**
 * What a plain HTTP request to the same address gets: its status, 0 for no answer, and -1 for an
 * answer that this page may not look at.
 * @param {string} url
 */
async function tryPlainRequest(url) {
  const plain = new URL(url);
  plain.protocol = plain.protocol.replace(/^ws/, "http");
  const own = plain.origin === location.origin;
  try {
    const answer = await fetch(plain, {
      mode: own ? "same-origin" : "no-cors", redirect: "manual", cache: "no-store",
      signal: AbortSignal.timeout(CHECK_TIMEOUT),
    });
    if (answer.type === "opaqueredirect") return 302;
    return own ? answer.status : -1;
  } catch {
    return 0;
  }
}

/**
 * Judge from all that is known; pure.
 * @param {object} facts
 * @param {{ text: string, code: number, opened: boolean, thrown: string }} facts.seen
 * @param {string} facts.answer
 * @param {number} facts.refused status with which this server refused a request just now, or 0
 * @param {number} facts.plain status of a plain request; -1 for one that cannot be seen
 * @param {boolean} facts.secure whether the page came by https
 * @param {string} facts.url
 * @returns {Cause}
 */
export function judgeCheck({ seen, answer, refused, plain, secure, url }) {
  if (seen.text === answer && answer !== "") return "reached";
  if (seen.text !== "") return "other";
  if (seen.thrown === "SecurityError") return "mixed";
  if (seen.thrown !== "") return "syntax";
  if (refused === 403) return "origin";
  if (refused === 421 || refused === 400) return "host";
  if (plain === 404) return "missing";
  if (plain === 302 || plain === 401 || plain === 403) return "login";
  if (plain >= 500) return "gateway";
  if (plain === 426) return "http only";
  if (secure && url.startsWith("ws:")) return "mixed";
  if (plain > 0 || plain === -1 || seen.opened) return "other";
  return "nothing";
}

/**
 * Check one address.
 * @param {Candidate} candidate
 * @param {Addresses} addresses
 * @param {AskRefusal} askRefusal how the server refused this page since the check began
 * @returns {Promise<CheckResult>}
 */
async function checkAddress(candidate, addresses, askRefusal) {
  const { proxied, hint } = candidate;
  const result = { url: candidate.url, status: 0, code: 0, proxied, hint };
  let url;
  try {
    result.url = completeAddress(candidate.url, location.href);
    url = checkAddressOf(result.url, addresses.check_path);
  } catch {
    return { ...result, state: "blocked", cause: "syntax" };
  }
  const seen = await tryConnection(url);
  const isClear = seen.text === addresses.answer || seen.thrown !== "";
  const refused = isClear ? 0 : await askRefusal();
  const plain = isClear || refused ? 0 : await tryPlainRequest(url);
  const secure = location.protocol === "https:";
  const cause = judgeCheck({ seen, answer: addresses.answer, refused, plain, secure, url });
  const state = cause === "reached" ? "reached" : "blocked";
  return { ...result, code: seen.code, status: refused || Math.max(plain, 0), state, cause };
}

/**
 * Check the addresses in turn, until one is reached. A server that does not run is not asked.
 * @param {Addresses} addresses
 * @param {AskRefusal} askRefusal
 * @returns {Promise<CheckResult>} of the one that is reached, else of the first
 */
export async function checkAddresses(addresses, askRefusal) {
  const { candidates, running } = addresses;
  /** @type {CheckResult} */
  const unchecked = {
    state: "blocked", cause: candidates[0] ? "stopped" : "nowhere", url: candidates[0]?.url ?? "",
    status: 0, code: 0, proxied: false, hint: "",
  };
  /** @type {CheckResult | undefined} */
  let first;
  for (const candidate of running ? candidates : []) {
    const result = await checkAddress(candidate, addresses, askRefusal);
    if (result.state === "reached") return result;
    first ??= result;
  }
  return first ?? unchecked;
}

/**
 * What a check found, in a sentence, and what to do.
 * @type {Record<Cause, (result: CheckResult, addresses: Addresses) => [string, string]>}
 */
export const CAUSES = {
  reached: ({ code, proxied }) => [
    code === 1000 ? "This page reaches the server." : `This page reaches the server, through a proxy that changes close codes: the server sent 1000, ${code} arrived.`,
    proxied || code !== 1000 ? "The frame log shows what the server sent; server.browser_client() shows what the proxy makes of it." : "",
  ],
  stopped: () => ["The server is not running.", "Run server.run() in a cell."],
  mixed: () => [
    "The browser does not let a page that was loaded by https open ws:// (mixed content).",
    "Open the notebook by http, or reach the server through an address that begins with wss://, as jupyter-server-proxy gives it.",
  ],
  origin: () => [
    "The server refused this page's origin with 403.",
    "The log names it. Show the panel or this client again, to let its page in, or write server.origins.append(...).",
  ],
  host: ({ status }) => [
    `The server refused the name in this address with ${status}.`,
    "The log names it. If it is yours, write server.hosts.append(...).",
  ],
  missing: ({ hint }) => ["Jupyter answers 404 there: it has no proxy to the kernel's ports.", hint],
  login: ({ status }) => [
    `The hub or Jupyter asks for a login there (${status}).`,
    "Log in again, in another tab of this browser, and reload this page. Another user's server stays closed.",
  ],
  gateway: ({ status }) => [
    `The proxy is there, but reaches nothing behind it (${status}).`,
    status === 503 ? "The notebook server is gone or starting: open the hub's page and start it again." : "Is the server running? Run server.run() in a cell, then check again.",
  ],
  "http only": () => [
    "Plain HTTP gets through to the server, but WebSocket does not: something in between does not pass on the upgrade.",
    "Ask the person who runs that proxy to pass on the headers Upgrade and Connection; or use a client in the kernel: connect(server.url).",
  ],
  other: ({ hint }) => ["Something answers there, but it is not this server.", hint || "Another program may hold this port on your machine: take another one, server.port = 0."],
  nothing: ({ url, hint }) => [
    "Nothing answers there.",
    /^wss?:\/\/(127\.|localhost|\[::1\])/.test(url) ? `The kernel may be on another machine than this browser. ${hint}` : hint,
  ],
  nowhere: (_, { why_not }) => ["No page can reach the kernel here.", why_not],
  syntax: () => ["This is not the address of a WebSocket.", "One looks like ws://127.0.0.1:8080/ (RFC 6455, section 3)."],
};
