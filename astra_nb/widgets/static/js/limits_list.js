// What a page may not do with a WebSocket, and what the browser says when it tries.

import { button, element } from "./dom.js";

/**
 * @typedef {object} Limit
 * @property {string} call what the page would write
 * @property {(socket: WebSocket) => unknown} [attempt] does it; nothing to try when it is missing
 * @property {string} why
 */

/** @type {Limit[]} */
export const LIMITS = [
  {
    call: "socket.ping()",
    attempt: (socket) => /** @type {any} */ (socket).ping(),
    why: "No page can send a PING or PONG frame, or see one: the browser answers a PING by itself. The server can ping, and so can a client in the kernel.",
  },
  {
    call: "socket.close(1001)",
    attempt: (socket) => socket.close(1001),
    why: "Only 1000 and 3000 to 4999 are a page's own. The browser sends 1001 when you leave the page, and 1002 or 1007 when a peer breaks the rules.",
  },
  {
    call: "socket.close(1000, \"x\".repeat(124))",
    attempt: (socket) => socket.close(1000, "x".repeat(124)),
    why: "A close reason has 123 bytes at most: a control frame carries 125, and the code takes two (RFC 6455, section 5.5).",
  },
  {
    call: "new WebSocket(url, [], { headers: { Authorization: \"...\" } })",
    why: "A page chooses no header: a third argument is ignored without an error. The browser adds Origin, and the cookies it has for that host. A token goes into the query, a subprotocol or the first message.",
  },
  {
    call: "new WebSocket(url).status",
    why: "When the opening handshake fails, a page learns neither the HTTP status nor the reason, only an error and code 1006. The server's log has both.",
  },
  {
    call: "fragments, masking, compression",
    why: "The browser alone decides them. A page gives and gets whole messages.",
  },
];

/**
 * @param {() => WebSocket | undefined} getSocket
 */
export function limitsList(getSocket) {
  const items = LIMITS.map(({ call, attempt, why }) => {
    const answer = element("p", { class: "astra-limit-answer", attributes: { role: "status" } });
    const run = attempt && button("Try it", `Run ${call} in this page`, () => {
      const socket = getSocket();
      if (!socket) {
        answer.textContent = "There is no connection yet; press Connect.";
        return;
      }
      try {
        attempt(socket);
        answer.textContent = "The browser let it pass.";
      } catch (error) {
        answer.textContent = String(error);
      }
    });
    return element("li", {},
      element("div", { class: "astra-limit-line" }, element("code", { text: call }), run ?? null),
      element("p", { class: "astra-limit-why", text: why }), answer);
  });
  return element("details", { class: "astra-limits" },
    element("summary", { text: "What a page may not do" }),
    element("ul", {}, ...items));
}
