// The form of a prediction. Questions, choices and answers become text nodes, never markup.

/** @typedef {import("@anywidget/types").AnyModel} Model */

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
  // Keys that are pressed here, such as arrows among the choices, are not commands of JupyterLab.
  form.addEventListener("keydown", (event) => { event.stopPropagation(); });
  for (const control of form.querySelectorAll("input, button")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  const show = () => {
    status.textContent = model.get("status");
    for (const { update } of fields) update();
  };
  model.on("change:status", show);
  model.on("change:answer", show);
  show();
  el.append(form);
  return () => {
    model.off("change:status", show);
    model.off("change:answer", show);
  };
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
