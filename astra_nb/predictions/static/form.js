// The form of a prediction. Questions, choices and answers become text nodes, never markup.

/** @typedef {import("@anywidget/types").AnyModel} Model */

const CELL = ".jp-Cell"; // of JupyterLab and Notebook 7, which have no public way to run a cell from here

/** @param {{ model: Model, el: HTMLElement }} context */
export function render({ model, el }) {
  // Each form has a copy of this module, so no counter would tell them apart.
  const name = `astra-predict-${Math.random().toString(36).slice(2)}`;
  const status = document.createElement("p");
  status.className = "astra-predict-status";
  status.id = `${name}-status`;
  status.setAttribute("role", "status");
  const form = document.createElement("fieldset");
  form.className = "astra-predict";
  const legend = document.createElement("legend");
  const word = document.createElement("strong");
  word.textContent = "Predict. ";
  legend.append(word, model.get("question"));
  const fields = model.get("choices").length > 0 ? radios(model, name) : field(model, name);
  form.append(legend, ...fields.map(({ node }) => node), status);
  // Arrows among the choices say nothing of being done: the next one may be meant.
  let isDone = false;
  form.addEventListener("pointerdown", () => { isDone = true; });
  form.addEventListener("keydown", (event) => {
    isDone = event.key === "Enter" || (event.key === " " && event.target instanceof HTMLButtonElement);
    const typed = form.querySelector("input[type=text]");
    const isOpen = event.target === typed && typed instanceof HTMLInputElement && typed.value !== model.get("answer");
    const runs = event.key === "Enter" && event.shiftKey && !isOpen;
    // Other keys that are pressed here are not commands of JupyterLab.
    const next = runs ? nextCell(form) : null;
    if (!runs || next) event.stopPropagation();
    if (next) press(next, event);
  });
  for (const control of form.querySelectorAll("input, button")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  const show = () => {
    status.textContent = model.get("status");
    for (const { update } of fields) update();
  };
  const goOn = () => {
    const active = document.activeElement;
    if (isDone && (form.contains(active) || active?.contains(form))) nextCell(form)?.focus();
    isDone = false;
  };
  model.on("change:done", goOn);
  model.on("change:status", show);
  model.on("change:answer", show);
  show();
  el.append(form);
  return () => {
    model.off("change:done", goOn);
    model.off("change:status", show);
    model.off("change:answer", show);
  };
}

/**
 * Return the cell after that of a form; null at the end, and where there are no such cells.
 * @param {HTMLElement} form
 */
function nextCell(form) {
  const next = form.closest(CELL)?.nextElementSibling;
  return next instanceof HTMLElement && next.matches(CELL) ? next : null;
}

/** Focus a cell, and press a key there that was pressed elsewhere. @param {HTMLElement} cell @param {KeyboardEvent} pressed */
function press(cell, pressed) {
  pressed.preventDefault();
  cell.focus();
  const { key, code, keyCode, shiftKey } = pressed;
  cell.dispatchEvent(new KeyboardEvent("keydown", { key, code, keyCode, shiftKey, bubbles: true, cancelable: true }));
}

/** @param {Model} model @param {string} answer */
function note(model, answer) {
  model.set("answer", answer);
  model.save_changes();
}

/**
 * @typedef {{ node: HTMLElement, update: () => void }} Field
 *
 * @param {Model} model
 * @param {string} name
 * @returns {Field[]}
 */
function radios(model, name) {
  return model.get("choices").map((/** @type {string} */ choice) => {
    const node = document.createElement("label");
    const input = document.createElement("input");
    input.type = "radio";
    input.name = name;
    input.addEventListener("change", () => note(model, choice));
    node.append(input, choice);
    return { node, update: () => { input.checked = model.get("answer") === choice; } };
  });
}

/**
 * @param {Model} model
 * @param {string} name
 * @returns {Field[]}
 */
function field(model, name) {
  const node = document.createElement("div");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const button = document.createElement("button");
  input.type = "text";
  input.id = name;
  input.autocomplete = "off";
  input.spellcheck = false;
  input.setAttribute("aria-describedby", `${name}-status`);
  // When Enter is pressed, or the field is left.
  input.addEventListener("change", () => note(model, input.value));
  label.htmlFor = name;
  label.textContent = model.get("hint");
  button.type = "button";
  button.textContent = "Note it";
  button.addEventListener("click", () => note(model, input.value));
  node.append(label, input, button);
  return [{ node, update: () => { if (document.activeElement !== input) input.value = model.get("answer"); } }];
}

export default { render };
