// Whom the composer sends to: whom the person chose, else the newest. A connection that has ended
// stays the target, so that a second click never reaches another one.

/** The number in a choice: "5" for the server's end of #5, "c5" for its client. @param {string} choice */
export function numberIn(choice) {
  return Number(choice.replace("c", "")) || 0;
}

export class Target {
  chosen = "";
  /** What the person chose it by; "" while nothing was chosen. */
  picked = /** @type {"" | "hand" | "row"} */ ("");
  /** @type {string[]} what can be sent on, oldest first */
  open = [];

  get ended() {
    return numberIn(this.chosen) > 0 && !this.open.includes(this.chosen);
  }

  /** @param {string} choice @param {"hand" | "row"} [by] */
  pick(choice, by = "hand") {
    this.chosen = choice;
    this.picked = by;
  }

  /**
   * A connection was chosen in a row or in the table; one that has ended changes nothing.
   * @param {number} connection
   * @returns {boolean} whether that replaced another one, chosen by hand
   */
  suggest(connection) {
    const ends = [String(connection), `c${connection}`];
    const end = (this.chosen.startsWith("c") ? ends.reverse() : ends).find((each) => this.open.includes(each));
    if (end === undefined || (end === this.chosen && this.picked === "hand")) return false;
    const replaces = this.picked === "hand";
    this.pick(end, "row");
    return replaces;
  }

  /** Where the target has ended, let a connection that opens from now on be the next one. */
  release() {
    if (this.ended) this.picked = "";
  }

  /** Take what can be sent on now. @param {string[]} open */
  update(open) {
    this.open = open;
    if (this.picked !== "") return;
    const newest = open.findLast((each) => !each.startsWith("c")) ?? open.at(-1) ?? "";
    if (numberIn(newest) >= numberIn(this.chosen)) this.chosen = newest;
  }
}
