// As much of a document as the modules under test touch: elements with children, text, attributes
// and listeners. Nothing is laid out; a test gives heights itself.

class FakeText {
  nextSibling = /** @type {FakeElement | FakeText | null} */ (null);

  /** @param {string} data */
  constructor(data) {
    this.data = data;
  }
}

export class FakeElement {
  /** @param {string} tag */
  constructor(tag) {
    this.tagName = tag;
    this.className = "";
    this.id = "";
    this.hidden = false;
    /** @type {(FakeElement | FakeText)[]} */
    this.childNodes = [];
    /** @type {FakeElement | undefined} */
    this.parent = undefined;
    /** @type {Record<string, string>} */
    this.dataset = {};
    /** @type {Map<string, string>} */
    this.attributes = new Map();
    /** @type {Map<string, (event: any) => void>} */
    this.listeners = new Map();
    /** @type {Record<string, any>} */
    this.style = { setProperty: (/** @type {string} */ name, /** @type {string} */ value) => { this.style[name] = value; } };
    this.clientHeight = 0;
    this.clientWidth = 0;
    this.scrollHeight = Infinity;
    this.scrolled = 0;
  }

  get scrollTop() {
    return this.scrolled;
  }

  set scrollTop(top) {
    this.scrolled = Math.max(0, Math.min(top, this.scrollHeight - this.clientHeight));
  }

  get children() {
    return this.childNodes.filter((child) => child instanceof FakeElement);
  }

  get childElementCount() {
    return this.children.length;
  }

  /** @returns {FakeElement | null} */
  get firstElementChild() {
    return this.children[0] ?? null;
  }

  /** @returns {FakeElement | FakeText | null} */
  get firstChild() {
    return this.childNodes[0] ?? null;
  }

  /** @returns {string} */
  get textContent() {
    return this.childNodes.map((child) => (child instanceof FakeText ? child.data : child.textContent)).join("");
  }

  set textContent(text) {
    this.childNodes = text === "" ? [] : [new FakeText(text)];
  }

  /** @param {(FakeElement | string)[]} children */
  append(...children) {
    for (const child of children) {
      if (child instanceof FakeElement) child.parent = this;
      this.childNodes.push(typeof child === "string" ? new FakeText(child) : child);
    }
    this.childNodes.forEach((child, at) => {
      if (child instanceof FakeText) child.nextSibling = this.childNodes[at + 1] ?? null;
    });
  }

  /** @param {(FakeElement | string)[]} children */
  replaceChildren(...children) {
    this.childNodes = [];
    this.append(...children);
  }

  /** @param {string} name */
  removeAttribute(name) {
    this.attributes.delete(name);
  }

  /** @param {string} name @param {string} value */
  setAttribute(name, value) {
    this.attributes.set(name, value);
  }

  /** @param {string} name */
  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }

  /** @param {string} type @param {(event: any) => void} listener */
  addEventListener(type, listener) {
    this.listeners.set(type, listener);
  }

  /** Nothing is found: nothing is laid out that could be brought into sight. @returns {FakeElement | null} */
  querySelector() {
    return null;
  }

  /** @param {string} selector of a class
   * @returns {FakeElement | null} */
  closest(selector) {
    return this.className.split(" ").includes(selector.slice(1)) ? this : this.parent?.closest(selector) ?? null;
  }

  /**
   * Call what listens to an event.
   * @param {string} type
   * @param {Record<string, unknown>} [event]
   */
  fire(type, event = {}) {
    this.listeners.get(type)?.({ target: this, preventDefault() {}, stopPropagation() {}, ...event });
  }
}

/** Put the fake document where the modules look for the page's. */
export function install() {
  Object.assign(globalThis, {
    document: {
      createElement: (/** @type {string} */ tag) => new FakeElement(tag),
      createElementNS: (/** @type {string} */ _, /** @type {string} */ tag) => new FakeElement(tag),
    },
    Text: FakeText,
    HTMLElement: FakeElement,
  });
}

/**
 * An element that a module made, with what the fake adds.
 * @param {unknown} made
 */
export function fake(made) {
  return /** @type {FakeElement} */ (made);
}
