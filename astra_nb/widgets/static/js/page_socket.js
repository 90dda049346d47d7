// A WebSocket of the page, and an account of it: the four events with all their fields.

import { counted, hexOf, quoted } from "./format.js";

const SHOWN = 120; // characters of a message
const HEAD_BYTES = 32; // by which both ends compare a message
export const LONGEST_REASON = 123; // bytes, RFC 6455 section 5.5
export const READY_STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

/**
 * @typedef {object} PageRow one line of the page's account
 * @property {number} time milliseconds since the page was loaded
 * @property {string} name "open", "message", "error", "close", or what the page did
 * @property {[string, string][]} fields
 *
 * @typedef {object} Facts of an event, for the comparison with the server's account
 * @property {string} [type] "text" or "bytes"
 * @property {number} [size] bytes
 * @property {string} [head] first bytes, in hex
 * @property {number} [code]
 * @property {string} [reason]
 * @property {string} [protocol]
 * @property {string} [extensions]
 * @typedef {Facts & { name: string }} SocketEvent
 */

/**
 * Describe data that was sent or came, for a person and for the comparison of both ends.
 * @param {string | ArrayBuffer | Blob} data
 * @returns {Promise<{ type: string, size: number, head: string, text: string }>}
 */
export async function describeData(data) {
  const isBlob = data instanceof Blob;
  const bytes = typeof data === "string" ? new TextEncoder().encode(data)
    : new Uint8Array(isBlob ? await data.slice(0, SHOWN).arrayBuffer() : data);
  const size = isBlob ? data.size : bytes.length;
  const head = hexOf(bytes.subarray(0, HEAD_BYTES));
  if (typeof data === "string") return { type: "text", size, head, text: quoted(data, SHOWN) };
  const few = size ? `: ${hexOf(bytes.subarray(0, 16), " ")}${size > 16 ? " ..." : ""}` : "";
  const text = `${isBlob ? "Blob" : "ArrayBuffer"}, ${counted(size, "byte")}${few}`;
  return { type: "bytes", size, head, text };
}

/**
 * Why a page may not close with these, or "" when it may.
 * @param {number} code
 * @param {string} reason
 */
export function closeProblem(code, reason) {
  const size = new TextEncoder().encode(reason).length;
  if (size > LONGEST_REASON) return `The reason has ${size} bytes; ${LONGEST_REASON} are allowed (RFC 6455, section 5.5).`;
  if (code === 1000 || (code >= 3000 && code <= 4999)) return "";
  return `A page may close with 1000, or 3000 to 4999, not with ${code}: the other codes are the browser's own to send (WHATWG WebSockets).`;
}

/**
 * The documented snippet for the console, with an address in it.
 * @param {string} url
 */
export function consoleSnippet(url) {
  return `const socket = new WebSocket(${JSON.stringify(url)});
socket.addEventListener("open", (event) => {
  console.log("open", event);
  socket.send("Hello from the browser!");
});
socket.addEventListener("message", (event) => console.log("message", event.data));
socket.addEventListener("error", (event) => console.log("error", event));
socket.addEventListener("close", (event) => console.log("close", event.code, event.reason, event.wasClean));
`;
}

/** One WebSocket after another, with an account of each. */
export class PageSocket {
  /** @param {(row: PageRow, event: SocketEvent) => void} onEvent called with what happened, for a person and for the kernel */
  constructor(onEvent) {
    this.onEvent = onEvent;
    /** @type {WebSocket | undefined} */
    this.socket = undefined;
    /** @type {BinaryType} */
    this.binaryType = "blob";
  }

  /** @param {string} url @param {string[]} subprotocols */
  open(url, subprotocols) {
    this.leave();
    const socket = new WebSocket(url, subprotocols);
    socket.binaryType = this.binaryType;
    this.socket = socket;
    const own = (/** @type {(event: any) => unknown} */ listener) => (/** @type {any} */ event) => {
      if (this.socket === socket) listener(event);
    };
    socket.addEventListener("open", own(() => {
      const { protocol, extensions } = socket;
      this.#tell("open", { protocol, extensions },
        [["protocol", JSON.stringify(protocol)], ["extensions", JSON.stringify(extensions)]]);
    }));
    // Described one after the other, since looking into a Blob takes a while.
    let described = Promise.resolve();
    socket.addEventListener("message", own(({ data }) => {
      described = described.then(async () => {
        const { text, ...facts } = await describeData(data);
        if (this.socket !== socket) return;
        this.#tell("message", facts, [["data", text]]);
      });
    }));
    socket.addEventListener("error", own(() =>
      this.#tell("error", {}, [["", "it says nothing more to a page"]])));
    socket.addEventListener("close", own(({ code, reason, wasClean }) => described.then(() =>
      this.#tell("close", { code, reason },
        [...closeFields(code, reason), ["wasClean", String(wasClean)]]))));
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  async send(data) {
    const socket = this.#required();
    if (socket.readyState === WebSocket.CONNECTING) throw new Error("The connection is not open yet.");
    if (socket.readyState !== WebSocket.OPEN) throw new Error("The connection is closing or closed: the browser discards what a page sends now, and does not say so.");
    socket.send(data);
    const { bufferedAmount } = socket;
    const { text, ...facts } = await describeData(typeof data === "string" ? data : data.buffer);
    const shown = text.replace(/^ArrayBuffer, /, ""); // a text is in quotes
    this.#tell("send", facts, [["", shown], ["bufferedAmount", String(bufferedAmount)]],
      `send(${facts.type})`);
  }

  /** @param {number | undefined} code @param {string} reason */
  close(code, reason) {
    const socket = this.#required();
    if (code === undefined) {
      socket.close();
      this.#tell("asked", {}, [], "close()");
    } else {
      socket.close(code, reason);
      this.#tell("asked", { code, reason }, closeFields(code, reason), "close()");
    }
  }

  /** @param {BinaryType} type */
  setBinaryType(type) {
    this.binaryType = type;
    if (this.socket) this.socket.binaryType = type;
  }

  /** Close the connection, if there is one, and forget it. */
  leave() {
    const { socket } = this;
    this.socket = undefined;
    if (socket && socket.readyState < WebSocket.CLOSING) socket.close(1000, "left");
  }

  #required() {
    if (!this.socket) throw new Error("There is no connection yet; press Connect.");
    return this.socket;
  }

  /**
   * Tell a person and the kernel what happened.
   * @param {string} name for the kernel
   * @param {Facts} facts
   * @param {[string, string][]} fields
   * @param {string} [label] for a person
   */
  #tell(name, facts, fields, label = name) {
    this.onEvent({ time: performance.now(), name: label, fields }, { name, ...facts });
  }
}

/** @param {number} code @param {string} reason @returns {[string, string][]} */
function closeFields(code, reason) {
  return [["code", String(code)], ["reason", quoted(reason, SHOWN)]];
}
