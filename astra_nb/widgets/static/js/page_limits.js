// What a page must not do with a WebSocket, and the error of the browser when it tries.

import { button, element } from "./dom.js";

/**
 * @typedef {object} Limit
 * @property {string} call what the page would write
 * @property {(socket: WebSocket) => unknown} attempt does it; text that it returns is shown
 * @property {string} why
 */

/**
 * What a page is told of one more connection; it is closed as soon as it is open.
 * @param {WebSocket} socket
 * @returns {Promise<{seen: string[], code: number, reason: string}>}
 */
function endOf(socket) {
  /** @type {string[]} */
  const seen = [];
  return new Promise((resolve) => {
    socket.addEventListener("open", () => { seen.push("open"); socket.close(1000); });
    socket.addEventListener("error", () => seen.push("error"));
    socket.addEventListener("close", ({ code, reason }) => {
      resolve({ seen: [...seen, "close"], code, reason });
    });
  });
}

/** @param {WebSocket} socket */
async function tryHeaders(socket) {
  const WithHeaders = /** @type {any} */ (WebSocket);
  const { seen } = await endOf(new WithHeaders(socket.url, [], { headers: { "X-Mine": "1" } }));
  return `No error; the events: ${seen.join(", ")}. The newest request in the server's log has no X-Mine.`;
}

/** @param {WebSocket} socket */
async function tryStatus(socket) {
  const address = new URL(socket.url);
  address.pathname = `${address.pathname.replace(/\/$/, "")}/nobody-serves-this`;
  const refused = new WebSocket(address);
  const { seen, code, reason } = await endOf(refused);
  const { status } = /** @type {any} */ (refused);
  return `The events: ${seen.join(", ")}. code ${code}, reason ${JSON.stringify(reason)}, status ${status}.`;
}

/** @type {Limit[]} */
const LIMITS = [
  {
    call: "socket.ping()",
    attempt: (socket) => /** @type {any} */ (socket).ping(),
    why: "No page can send a PING or PONG frame, or see one: the browser answers a PING by itself. The server can ping, and so can a client in the kernel.",
  },
  {
    call: "socket.close(1001)",
    attempt: (socket) => socket.close(1001),
    why: "A page may send only 1000 and 3000 to 4999. The browser sends 1001 when you leave the page, and 1002 or 1007 when a peer breaks the rules.",
  },
  {
    call: "socket.close(1000, \"x\".repeat(124))",
    attempt: (socket) => socket.close(1000, "x".repeat(124)),
    why: "A close reason has 123 bytes at most: a control frame carries 125, and the code takes two (RFC 6455, section 5.5).",
  },
  {
    call: "new WebSocket(url, [], { headers: { \"X-Mine\": \"1\" } })",
    attempt: tryHeaders,
    why: "A page cannot choose headers: a third argument is ignored without an error. The browser adds Origin, and the cookies it has for that host. A token goes into the query, a subprotocol or the first message.",
  },
  {
    call: "new WebSocket(url + \"/nobody-serves-this\").status",
    attempt: tryStatus,
    why: "When the opening handshake fails, a page learns neither the HTTP status nor the reason, only an error and code 1006. The server's log has both.",
  },
  {
    call: "socket.extensions = \"permessage-deflate\"",
    attempt: (socket) => { /** @type {any} */ (socket).extensions = "permessage-deflate"; },
    why: "Compression, fragments and masking are the browser's: a page can read which extensions were agreed on, and sends and receives whole messages.",
  },
];

/** @param {() => WebSocket | undefined} getSocket */
export function limitList(getSocket) {
  const items = LIMITS.map(({ call, attempt, why }) => {
    const answer = element("p", { class: "astra-limit-answer", role: "status" });
    const run = button("Try it", `Run ${call} in this page`, async () => {
      const socket = getSocket();
      if (!socket) {
        answer.textContent = "There is no connection yet; press Connect.";
        return;
      }
      try {
        const said = await attempt(socket);
        answer.textContent = typeof said === "string" ? said : "The browser let it pass.";
      } catch (error) {
        answer.textContent = String(error);
      }
    });
    return element("li", {},
      element("div", { class: "astra-limit-line" }, element("code", { text: call }), run),
      element("p", { class: "astra-limit-why", text: why }), answer);
  });
  return element("details", { class: "astra-limits" },
    element("summary", { text: "What a page cannot do" }),
    element("ul", {}, ...items));
}
