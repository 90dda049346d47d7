// The form of a client in the kernel: its request, to connect with or to save.

import { button, choice, element, field, fitRows } from "./dom.js";
import { messageOf } from "./format.js";

/**
 * Read headers as a person types them: a line for each, with its name and its value.
 * @param {string} typed
 * @returns {Record<string, string>}
 */
export function readHeaders(typed) {
  return Object.fromEntries(typed.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [, name = "", value = ""] = /^([^:]*):(.*)$/.exec(line) ?? [];
    if (name.trim() === "") throw new Error(`${JSON.stringify(line.slice(0, 60))} is not a header; write one on each line, such as Name: value`);
    return [name.trim(), value.trim()];
  }));
}

/** @param {Record<string, string>} headers */
export function writeHeaders(headers) {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join("\n");
}

/**
 * The path that a further client will want: one that has just failed is not it.
 * @param {import("./bridge.js").Status["connections"]} connections
 */
export function pathOf(connections) {
  return connections.findLast(([, , , state]) => state === "open")?.[1] || "/";
}

/**
 * @param {import("./store.js").Store} store
 * @param {import("./bridge.js").SavedRequest | null} request that the form begins with
 * @param {() => void} onConnect
 */
export function connectForm(store, request, onConnect) {
  const { of_server: ofServer, url, connections } = store.status;
  const address = field(ofServer ? "Path" : "Address", request?.address ?? (ofServer ? pathOf(connections) : url), "astra-wide");
  const headers = element("textarea", { class: "astra-field astra-wide astra-headers-field", rows: 1, spellcheck: "false", "aria-label": "Headers", placeholder: "Name: value, one on each line", oninput: () => fitRows(headers, 4) });
  headers.value = writeHeaders(request?.headers ?? {});
  fitRows(headers, 4);
  const protocols = field("Subprotocols", request?.subprotocols.join(", ") ?? "", "");
  const wrong = choice("A rule that the request breaks", [["", "a correct request"]]);
  wrong.append(...store.model.get("catalog").rules.filter(({ stage }) => stage === "request").map(({ name, says }) => element("option", { text: name, title: says, value: name })));
  wrong.value = request?.faults[0] ?? "";
  const act = (/** @type {string} */ name) => {
    try {
      const given = readHeaders(headers.value);
      void store.act(name, { arguments: [address.input.value], options: {
        ...(Object.keys(given).length > 0 ? { headers: given } : {}),
        ...(protocols.input.value ? { subprotocols: protocols.input.value.split(/[\s,]+/).filter((each) => each !== "") } : {}),
        ...(wrong.value ? { faults: [wrong.value] } : {}), ...(request ? { saved: request.number } : {}),
      } });
    } catch (problem) {
      store.say(messageOf(problem), true);
    }
  };
  const go = button(ofServer ? "Open a client" : "Connect", "A client in the kernel connects", () => { onConnect(); act("connect"); }, "astra-main");
  address.input.addEventListener("keydown", (event) => { if (event.key === "Enter") go.click(); });
  return [address.root, element("label", { class: "astra-labelled" }, "Headers", headers), protocols.root, wrong, go,
    button("Save request", "Keep it with its headers under Saved; secrets stay in the kernel", () => act("save_request")),
    button("Close clients", "Close the panel's clients with 1000", () => store.act("disconnect"))];
}
