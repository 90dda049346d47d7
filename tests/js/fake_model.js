// A widget's model without a kernel: it keeps what is sent, and gives the answers of a test.

/** @typedef {{ kind: string, page: string, id: number, [field: string]: unknown }} Sent */

/** @template {Record<string, any>} T */
export class FakeModel {
  /** @param {T} traits */
  constructor(traits) {
    this.traits = traits;
    this.gone = false;
    /** @type {Sent[]} */
    this.sent = [];
    /** @type {Map<string, Set<(...values: any[]) => void>>} */
    this.listeners = new Map();
  }

  /**
   * @template {keyof T} K
   * @param {K} name
   */
  get(name) {
    return this.traits[name];
  }

  /** @param {Sent} content */
  send(content) {
    if (this.gone) throw new Error("no comm");
    this.sent.push(structuredClone(content));
  }

  /**
   * @param {string} name
   * @param {(...values: any[]) => void} callback
   */
  on(name, callback) {
    this.listeners.set(name, (this.listeners.get(name) ?? new Set()).add(callback));
  }

  /**
   * @param {string | null} [name]
   * @param {((...values: any[]) => void) | null} [callback]
   */
  off(name, callback) {
    if (name && callback) this.listeners.get(name)?.delete(callback);
  }

  /**
   * @param {string} name
   * @param {unknown[]} values
   */
  emit(name, ...values) {
    for (const callback of this.listeners.get(name) ?? []) callback(...values);
  }

  /** How many listeners there are. */
  get listening() {
    return [...this.listeners.values()].reduce((sum, callbacks) => sum + callbacks.size, 0);
  }

  /**
   * What was sent of a kind.
   * @param {string} kind
   */
  of(kind) {
    return this.sent.filter((content) => content.kind === kind);
  }

  /**
   * Push something to the page.
   * @param {string} kind
   * @param {Record<string, unknown>} fields
   */
  push(kind, fields) {
    this.emit("msg:custom", { kind, ...fields });
  }

  /**
   * Answer a request.
   * @param {Sent | undefined} request
   * @param {{ value?: unknown, error?: string }} outcome
   */
  answer(request, outcome) {
    this.push("answer", { page: request?.page, id: request?.id, ...outcome });
  }
}

/** Wait until everything that was settled has gone on. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
