// What a view and its widget in the kernel say to each other, each view under a name of its own.

const ANSWER_MS = 1500; // until a busy kernel is no longer waited for

export class KernelVoice {
  /**
   * @param {any} model
   * @param {AbortSignal} signal
   */
  constructor(model, signal) {
    this.model = model;
    this.id = Math.random().toString(36).slice(2);
    /** The last record of the log that the kernel has told of. */
    this.last = 0;
    /** @type {Map<string, ((content: any) => void)[]>} */
    this.waiting = new Map();
    /** @type {(content: any) => void} */
    this.onMessage = () => {};
    const heard = (/** @type {any} */ content) => this.#hear(content);
    model.on("msg:custom", heard);
    signal.addEventListener("abort", () => model.off("msg:custom", heard));
  }

  /** @param {Record<string, unknown>} content */
  send(content) {
    try {
      this.model.send({ page: this.id, ...content });
      return true;
    } catch {
      return false; // the kernel is gone
    }
  }

  /**
   * Ask and wait for the answer, though not for long: the kernel may be busy.
   * @param {string} kind of the answer
   * @param {Record<string, unknown>} content
   * @param {number} [patience] milliseconds
   * @returns {Promise<any>} the answer, whose `kind` is "" when none came
   */
  ask(kind, content, patience = ANSWER_MS) {
    return new Promise((resolve) => {
      const done = (/** @type {any} */ answer) => { clearTimeout(timer); resolve(answer); };
      const timer = setTimeout(() => done({ kind: "", status: 0, detail: "" }), patience);
      this.waiting.set(kind, [...(this.waiting.get(kind) ?? []), done]);
      this.send(content);
    });
  }

  /** @param {any} content */
  #hear(content) {
    if (content?.page !== this.id) return;
    this.last = Math.max(this.last, content.last ?? 0);
    const waiting = this.waiting.get(content.kind) ?? [];
    this.waiting.delete(content.kind);
    for (const done of waiting) done(content);
    this.onMessage(content);
  }
}
