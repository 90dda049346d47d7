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
 * @param {string | Node} label
 * @param {string} title
 * @param {(event: MouseEvent) => void} onClick
 * @param {string} [className]
 * @param {Options & { sign?: string }} [options] a sign to draw before the label; attributes
 */
export function button(label, title, onClick, className = "", { sign = "", ...options } = {}) {
  return element("button", {
    class: `astra-button ${className}`.trim(), type: "button", title: title || false,
    onclick: onClick, ...options,
  }, sign ? icon(sign) : null, label);
}

/** A word that a narrow panel leaves out. @param {string} text */
export function word(text) {
  return element("span", { class: "astra-word", text });
}

/** @param {string} name @param {Node[]} buttons side by side @param {string} [className] */
export function group(name, buttons, className = "") {
  const options = { class: `astra-seg ${className}`.trim(), role: "group", "aria-label": name };
  return element("div", options, ...buttons);
}

/**
 * A button, with another one beside it that removes what it stands for.
 * @param {HTMLElement} made @param {string} name @param {() => void} remove
 */
export function removable(made, name, remove) {
  const title = `Remove ${name}`;
  const gone = button("\u2715", title, remove, "", { "aria-label": title });
  return element("span", { class: "astra-seg" }, made, gone);
}

/**
 * Tabs, of which one is selected; arrow keys open them too.
 * @param {string} name @param {string[]} names @param {(name: string) => void} onOpen
 */
export function tabList(name, names, onOpen) {
  const tabs = names.map((each) => element("button", {
    class: "astra-tab", type: "button", role: "tab", "data-tab": each, onclick: () => onOpen(each),
  }, element("span", { class: "astra-tab-word", text: each })));
  const options = { class: "astra-tabs", role: "tablist", "aria-label": name };
  const root = element("span", options, ...tabs);
  roveFocus(root, "button", (tab) => tab.click());
  const select = (/** @type {string} */ chosen) => {
    for (const tab of tabs) {
      const on = tab.dataset.tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.setAttribute("tabindex", on ? "0" : "-1");
    }
  };
  return { root, tabs, select };
}

/**
 * A text field with its name before it.
 * @param {string} name @param {string} value @param {string} [className] @param {string} [placeholder]
 */
export function field(name, value, className = "", placeholder = "") {
  const input = element("input", { class: `astra-field ${className}`.trim(), value, placeholder, "aria-label": name });
  return { input, root: element("label", { class: "astra-labelled" }, name, input) };
}

const LONG = 2000; // characters; more fill the rows of any field

/**
 * Set the rows of a text area to those that its text takes, lines that wrap among them.
 * @param {HTMLTextAreaElement} area @param {number} most
 */
export function fitRows(area, most) {
  if (area.value.length > LONG) {
    area.rows = most; // not measured: to lay out a pasted megabyte takes a second, with each key
    return;
  }
  area.rows = 1;
  const wrapped = area.isConnected ? Math.floor(area.scrollHeight / parseFloat(getComputedStyle(area).lineHeight)) : 0;
  area.rows = Math.max(1, Math.min(most, Math.max(wrapped, area.value.split("\n").length)));
}

/**
 * A choice of one among some, each with its value and its word.
 * @param {string} name @param {[string | number, string][]} options @param {Options} [more]
 */
export function choice(name, options, { class: className = "", ...more } = {}) {
  return element("select", {
    class: `astra-select ${className}`.trim(), "aria-label": name, ...more,
  }, ...choices(options));
}

/** @param {[string | number, string][]} options */
export function choices(options) {
  return options.map(([value, text]) => element("option", { value, text }));
}

/**
 * A field for a payload, with the format in which it is read.
 * @param {string[]} formats @param {Options} options of the field
 * @param {() => void} onEnter
 */
export function payloadField(formats, options, onEnter) {
  const input = element("textarea", {
    class: "astra-payload", rows: 1, spellcheck: "false", ...options,
    oninput: () => fitRows(input, 6),
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      onEnter();
    },
  });
  const format = choice("The payload is", formats.map((name) => [name, `as ${name}`]),
    { class: "astra-format", title: "How the payload is read" });
  return {
    root: element("span", { class: "astra-pay-field" }, input, format),
    input,
    /** What was typed, as the controls in the kernel take it. */
    read: () => ({ typed: input.value, format: format.value }),
    /** @param {string} payload @param {string} form */
    write(payload, form) {
      input.value = payload;
      format.value = form;
      fitRows(input, 6);
    },
  };
}

/**
 * A button that is on or off; its state is in aria-pressed.
 * @param {string | Node} label
 * @param {string} title
 * @param {boolean} pressed
 * @param {(pressed: boolean) => void} onChange
 * @param {string} [className]
 * @param {Options & { sign?: string }} [options] as of a button
 */
export function toggle(label, title, pressed, onChange, className = "", options = {}) {
  const made = button(label, title, () => {
    const next = made.getAttribute("aria-pressed") !== "true";
    setPressed(made, next);
    onChange(next);
  }, `astra-toggle ${className}`.trim(), options);
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
 * @returns {boolean} whether it differed
 */
export function setText(target, text) {
  const { firstChild } = target;
  const only = firstChild instanceof Text && firstChild.nextSibling === null ? firstChild : null;
  if ((only ? only.data : target.textContent) === text) return false;
  if (only && text !== "") only.data = text;
  else target.textContent = text;
  return true;
}

/**
 * Whether something is to be drawn in an element that is not what was drawn there last.
 * @param {HTMLElement} target @param {...unknown} shown all that its content is made of
 */
export function isOther(target, ...shown) {
  const text = JSON.stringify(shown);
  if (target.dataset.shown === text) return false;
  target.dataset.shown = text;
  return true;
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
 * Copy a text, and confirm it on the button.
 * @param {HTMLElement} pressed
 * @param {string} text
 */
export async function copyText(pressed, text) {
  const word = pressed.dataset.word ??= pressed.textContent ?? ""; // not "Copied", if it is pressed again soon
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https there is no clipboard: have the browser copy a field.
    const field = element("textarea", { class: "astra-spoken" });
    field.value = text;
    pressed.after(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  setText(pressed, "Copied");
  setTimeout(() => setText(pressed, word), 1200);
}

const ICONS = /** @type {Record<string, string>} */ ({
  down: "M7 2v10M3 8l4 4 4-4", up: "M7 12V2M3 6l4-4 4 4", caret: "m4 5.5 3 3 3-3", above: "m3.5 8.5 3.5-3.5 3.5 3.5",
  below: "m3.5 5.5 3.5 3.5 3.5-3.5", close: "m3.5 3.5 7 7M10.5 3.5l-7 7", reply: "M5.5 3 2.5 6l3 3M2.5 6H9a2.500 2.500 0 0 1 2.500 2.500V11",
  bad: "M7 1.800a5.200 5.200 0 1 0 .01 0M5.200 5.200l3.600 3.600M8.800 5.200 5.200 8.800", ok: "m2.500 7.500 3 3 6-7",
  follow: "M7 1.500v8M3.800 6.500 7 9.700l3.200-3.200M2.500 12.500h9", pause: "M5 3v8M9 3v8", go: "M2.500 7h9M8 3.500 11.500 7 8 10.500",
  save: "M2.500 2.500h7l2 2v7h-9zM5 2.500v3h3.500v-3M4.500 11.500v-3.500h5v3.500", columns: "M2.500 3h9v8h-9zM5.500 3v8M8.500 3v8",
  find: "M6 2.400a3.600 3.600 0 1 0 .01 0M8.800 8.800 12 12", pin: "M5 2h4M5.700 2v4L4 8h6L8.300 6V2M7 8v4",
});

/** A drawn sign beside a word. @param {string} name */
export function icon(name) {
  return svgElement("svg", { class: "astra-icon", viewBox: "0 0 14 14", "aria-hidden": "true" },
    svgElement("path", { d: ICONS[name] ?? "" }));
}

/** Change a sign to another one. @param {Element} svg @param {string} name */
export function redraw(svg, name) {
  svg.firstElementChild?.setAttribute("d", ICONS[name] ?? "");
}

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...Node} children */
export function svgElement(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * A button that opens a list of choices; Escape and a click elsewhere close it.
 * @param {string} label
 * @param {string} title
 * @param {() => Node[]} fill makes what is in it, each time it opens
 * @param {string} [sign] before the label
 */
export function menu(label, title, fill, sign = "") {
  const list = element("div", { class: "astra-menu-list", role: "group", "aria-label": title });
  const made = element("details", {
    class: "astra-menu",
    ontoggle: () => { if (made.open) list.replaceChildren(...fill()); },
    onkeydown: (event) => {
      if (event.key !== "Escape" || !made.open) return;
      made.open = false;
      /** @type {HTMLElement} */ (made.firstElementChild).focus();
      event.stopPropagation();
    },
    onfocusout: (event) => {
      if (!(event.relatedTarget instanceof Node && made.contains(event.relatedTarget))) made.open = false;
    },
    onclick: (event) => { if (event.target.closest(".astra-menu-list button")) setTimeout(() => { made.open = false; }); },
  }, element("summary", { class: "astra-button", title, tabindex: 0 }, sign ? icon(sign) : null, word(label), icon("caret")), list);
  return made;
}
