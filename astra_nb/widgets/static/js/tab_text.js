// What the inspector says of a record as text: its title, and what is copied of a tab.

import { counted } from "./format.js";
import { duration } from "./rows.js";

/** @param {import("./inspector.js").Head[]} heads */
export function handshakeText(heads) {
  return heads.map(({ start_line, headers, steps }) => [
    start_line,
    ...headers.flatMap(({ name, value, meaning }) => [`${name}: ${value}`, ...(meaning ? [`    ${meaning}`] : [])]),
    ...(steps.length > 0 ? ["", "How Sec-WebSocket-Accept is computed (section 4.2.2)"] : []),
    ...steps.flatMap(([step, value]) => [step, `    ${value}`]),
  ].join("\n")).join("\n\n");
}

/** @param {NonNullable<import("./inspector.js").Detail["why"]>} why */
export function whyText({ sentence, chain }) {
  const begin = chain[0]?.time ?? 0;
  return [sentence, "", "What happened", ...chain.flatMap(({ number, text, notes, time }) => [
    `${number}  ${text}`, ...notes.map((note) => `    ${note}`), ...(time > begin ? [`    ${afterFirst(time - begin)}`] : []),
  ])].join("\n");
}

/** @param {number} seconds */
export function afterFirst(seconds) {
  return `${duration(seconds)} after the first of these`;
}

/** The title over the tabs' content. @param {import("./rows.js").Row} row */
export function headline(row) {
  const where = row.connection ? ` #${row.connection}` : "";
  if (row.kind !== "frame") return `${row.number}  ${row.kind === "opened" ? "connection open" : row.kind}${where}`;
  const way = row.direction === "sent" ? "to" : `from`; // in backticks, as the word of an import is in quotes
  return `${row.number}  ${row.type} ${way}${where}, ${counted(row.length, "byte")}`;
}
