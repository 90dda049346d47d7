// A WebSocket of the page, and what it tells: the four events with all their fields.

const SHOWN = 120; // characters of a message
const HEAD_BYTES = 32; // by which both ends compare a message
export const LONGEST_REASON = 123; // bytes, RFC 6455 section 5.5
export const READY_STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

/**
 * @typedef {object} PageRow one line of the page's account
 * @property {number} time milliseconds since the page was loaded
 * @property {string} name "open", "message", "error", "close", or what the page did
 * @property {[string, string][]} fields
 */

/** @param {Uint8Array} bytes */
export function hexOf(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Show text on one line; what cannot be seen becomes an escape.
 * @param {string} text
 * @param {number} [limit]
 */
export function visibleText(text, limit = SHOWN) {
  const cut = text.slice(0, limit);
  const shown = cut.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, (found) =>
    ({ "\n": "\\n", "\r": "\\r", "\t": "\\t" })[found] ?? `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `"${shown}"${text.length > limit ? `... ${text.length} characters` : ""}`;
}

/**
 * Describe data that was sent or came, for a person and for the comparison of both ends.
 * @param {string | ArrayBuffer | Blob} data
 * @returns {Promise<{ type: string, size: number, head: string, text: string }>}
 */
export async function describeData(data) {
  if (typeof data === "string") {
    const bytes = new TextEncoder().encode(data);
    return { type: "text", size: bytes.length, head: hexOf(bytes.subarray(0, HEAD_BYTES)), text: visibleText(data) };
  }
  const buffer = data instanceof ArrayBuffer ? data : await data.slice(0, SHOWN).arrayBuffer();
  const bytes = new Uint8Array(buffer);
  const size = data instanceof ArrayBuffer ? data.byteLength : data.size;
  const kind = data instanceof ArrayBuffer ? "ArrayBuffer" : "Blob";
  const few = hexOf(bytes.subarray(0, 16)).replace(/(..)(?=.)/g, "$1 ");
  return {
    type: "bytes", size, head: hexOf(bytes.subarray(0, HEAD_BYTES)),
    text: `${kind}, ${size} byte${size === 1 ? "" : "s"}${size ? `: ${few}${size > 16 ? " ..." : ""}` : ""}`,
  };
}

/**
 * Read what was typed as bytes: text, hex digits, or a byte table such as 0, 88, 14.
 * @param {string} typed
 * @param {string} format "text", "hex" or "byte table"
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function parseBytes(typed, format) {
  if (format === "text") return Uint8Array.from(new TextEncoder().encode(typed));
  if (format === "hex") {
    const digits = typed.replace(/0x|[\s:,-]/gi, "");
    if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error("Bytes in hex are two digits each, such as 00 58 0e 43 2d.");
    return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  }
  const words = typed.replace(/[[\](){}]/g, " ").split(/[\s,;]+/).filter((word) => word !== "");
  for (const [place, word] of words.entries()) {
    if (!/^\d{1,3}$/.test(word) || Number(word) > 255) {
      throw new Error(`Item ${place} of the byte table is ${visibleText(word, 20)}; each one is a number from 0 to 255.`);
    }
  }
  return Uint8Array.from(words, Number);
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
  /**
   * @param {object} hear
   * @param {(row: PageRow) => void} hear.onRow
   * @param {() => void} hear.onState
   * @param {(event: Record<string, unknown>) => void} hear.onEvent for the kernel
   */
  constructor(hear) {
    this.hear = hear;
    /** @type {WebSocket | undefined} */
    this.socket = undefined;
    /** @type {BinaryType} */
    this.binaryType = "blob";
  }

  /**
   * @param {string} url
   * @param {string[]} subprotocols
   */
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
      this.#row("open", [["protocol", JSON.stringify(protocol)], ["extensions", JSON.stringify(extensions)]]);
      this.#tell("open", { protocol, extensions });
    }));
    // Described one after the other, since looking into a Blob takes a while.
    let described = Promise.resolve();
    socket.addEventListener("message", own(({ data }) => {
      described = described.then(async () => {
        const { text, ...facts } = await describeData(data);
        if (this.socket !== socket) return;
        this.#row("message", [["data", text]]);
        this.#tell("message", facts);
      });
    }));
    socket.addEventListener("error", own(() => {
      this.#row("error", [["", "it says nothing more to a page"]]);
      this.#tell("error", {});
    }));
    socket.addEventListener("close", own(({ code, reason, wasClean }) => {
      described.then(() => {
        this.#row("close", [["code", String(code)], ["reason", visibleText(reason)], ["wasClean", String(wasClean)]]);
        this.#tell("close", { code, reason });
      });
    }));
    this.hear.onState();
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  async send(data) {
    const socket = this.#required();
    if (socket.readyState === WebSocket.CONNECTING) throw new Error("The connection is not open yet.");
    if (socket.readyState !== WebSocket.OPEN) throw new Error("The connection is closing or closed; a page is told nothing of what it sends now.");
    socket.send(data);
    const { bufferedAmount } = socket;
    const { text, ...facts } = await describeData(typeof data === "string" ? data : data.buffer);
    const shown = typeof data === "string" ? text : text.replace("ArrayBuffer, ", "");
    this.#row(`send(${typeof data === "string" ? "text" : "bytes"})`, [["", shown], ["bufferedAmount", String(bufferedAmount)]]);
    this.#tell("send", facts);
  }

  /**
   * @param {number | undefined} code
   * @param {string} reason
   */
  close(code, reason) {
    const socket = this.#required();
    if (code === undefined) socket.close();
    else socket.close(code, reason);
    this.#row("close()", code === undefined ? [] : [["code", String(code)], ["reason", visibleText(reason)]]);
    this.#tell("asked", code === undefined ? {} : { code, reason });
  }

  /** @param {BinaryType} type */
  setBinaryType(type) {
    this.binaryType = type;
    if (this.socket) this.socket.binaryType = type;
    this.hear.onState();
  }

  /** Let go of the connection there is. */
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
   * @param {string} name
   * @param {[string, string][]} fields
   */
  #row(name, fields) {
    this.hear.onRow({ time: performance.now(), name, fields });
    this.hear.onState();
  }

  /**
   * @param {string} name
   * @param {Record<string, unknown>} facts
   */
  #tell(name, facts) {
    this.hear.onEvent({ name, ...facts });
  }
}
