// Records per second, for the small plot.

const SECONDS = 60;

export class Rates {
  constructor() {
    /** @type {Map<number, number>} records in each second */
    this.seconds = new Map();
  }

  /**
   * @param {number} time seconds since the epoch, kernel's clock
   * @param {number} records
   */
  add(time, records) {
    const second = Math.floor(time);
    this.seconds.set(second, (this.seconds.get(second) ?? 0) + records);
    if (this.seconds.size > 2 * SECONDS) {
      for (const old of this.seconds.keys()) if (old < second - SECONDS) this.seconds.delete(old);
    }
  }

  /**
   * The last full minute, oldest first; a second without records is 0.
   * @param {number} now seconds since the epoch
   * @returns {number[]}
   */
  lastMinute(now) {
    const newest = Math.floor(now);
    return Array.from(
      { length: SECONDS },
      (_, index) => this.seconds.get(newest - SECONDS + 1 + index) ?? 0,
    );
  }
}

/**
 * The points of a polyline in a box; the highest value touches the top.
 * @param {number[]} values
 * @param {number} width
 * @param {number} height
 */
export function polyline(values, width, height) {
  const highest = Math.max(1, ...values);
  const step = width / Math.max(1, values.length - 1);
  return values
    .map((value, index) =>
      `${(index * step).toFixed(1)},${(height - 1 - (value / highest) * (height - 2)).toFixed(1)}`)
    .join(" ");
}
