// Elements and what they share. Text from outside goes through `text` or a string child, which
// become text nodes: no function here takes markup.

/**
 * @typedef {string | number | boolean | ((event: any) => void) | undefined} Option
 * @typedef {{ class?: string, text?: string, [name: string]: Option }} Options
 */

/**
 * Make an element. Of its options, `class` and `text` are what they say, a function such as
 * `onclick` listens to an event, and everything else is an attribute; false leaves one out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Options} [options]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "class") made.className = String(value);
    else if (name === "text") made.textContent = String(value);
    else if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * A push button.
 * @param {string} label
 * @param {string} title
 * @param {(event: MouseEvent) => void} onClick
 * @param {string} [className]
 */
export function button(label, title, onClick, className = "") {
  return element("button", {
    class: `astra-button ${className}`.trim(), text: label, type: "button", title, onclick: onClick,
  });
}

/**
 * A button that is on or off; its state is in aria-pressed.
 * @param {string} label
 * @param {string} title
 * @param {boolean} pressed
 * @param {(pressed: boolean) => void} onChange
 * @param {string} [className]
 */
export function toggle(label, title, pressed, onChange, className = "") {
  const made = button(label, title, () => {
    const next = made.getAttribute("aria-pressed") !== "true";
    setPressed(made, next);
    onChange(next);
  }, `astra-toggle ${className}`.trim());
  setPressed(made, pressed);
  return made;
}

/** @param {HTMLElement} made @param {boolean} pressed */
export function setPressed(made, pressed) {
  made.setAttribute("aria-pressed", String(pressed));
}

/**
 * Set an element's text only when it differs, so that nothing is laid out again for nothing, and
 * in the text node that is there, so that a flood of rows leaves no others.
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  const { firstChild } = target;
  if (text !== "" && firstChild instanceof Text && firstChild.nextSibling === null) {
    if (firstChild.data !== text) firstChild.data = text;
  } else if (target.textContent !== text) target.textContent = text;
}

/**
 * Arrow keys move the focus among siblings, and one of them is in the Tab order (roving tabindex).
 * @param {HTMLElement} group
 * @param {string} selector
 * @param {(item: HTMLElement) => void} [onMove] called with the item that an arrow key focused
 */
export function roveFocus(group, selector, onMove = () => {}) {
  const items = () => /** @type {HTMLElement[]} */ ([...group.querySelectorAll(selector)]);
  items().forEach((item, index) => item.setAttribute("tabindex", index === 0 ? "0" : "-1"));
  group.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(/** @type {HTMLElement} */ (event.target));
    if (at < 0) return;
    const next = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const item = all.at(next % all.length);
    if (item === undefined) return;
    item.focus();
    onMove(item);
  });
  group.addEventListener("focusin", (event) => {
    const all = items();
    if (!all.includes(/** @type {HTMLElement} */ (event.target))) return;
    for (const item of all) item.setAttribute("tabindex", item === event.target ? "0" : "-1");
  });
}

/**
 * Copy an element's text, and confirm it on the button.
 * @param {HTMLElement} pressed
 * @param {HTMLElement} source
 */
export async function copyText(pressed, source) {
  try {
    await navigator.clipboard.writeText(source.textContent ?? "");
  } catch {
    // Without https there is no clipboard: mark the text, and let the browser copy that.
    getSelection()?.selectAllChildren(source);
    document.execCommand("copy");
  }
  setText(pressed, "Copied");
  setTimeout(() => setText(pressed, "Copy"), 1500);
}
