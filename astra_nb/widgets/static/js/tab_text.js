// What tabs of the inspector show, as text to copy.

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
