// The numbers of a list's rows, in order: stretches of a whole log, or those that a search found.

/** A list of numbers in stretches without a gap. */
export class Spans {
  /** @param {[number, number][]} spans first and last number of each, rising */
  constructor(spans) {
    this.spans = spans;
    this.length = 0;
    this.starts = spans.map(([first, last]) => {
      const start = this.length;
      this.length += last - first + 1;
      return start;
    });
  }

  /** The number at an index; undefined outside. @param {number} index */
  at(index) {
    if (index < 0 || index >= this.length) return undefined;
    const at = lastAtMost(this.starts, index);
    return (this.spans[at]?.[0] ?? 0) + index - (this.starts[at] ?? 0);
  }

  /** The index of a number, or of the next higher one. @param {number} number */
  indexOf(number) {
    const at = lastAtMost(this.spans.map(([first]) => first), number);
    const span = this.spans[at];
    if (span === undefined) return 0;
    return (this.starts[at] ?? 0) + Math.min(number, span[1] + 1) - span[0];
  }

  /** The part above `after`, up to `until`. @param {number} after @param {number} until */
  clip(after, until) {
    return new Spans(this.spans
      .filter(([first, last]) => last > after && first <= until)
      .map(([first, last]) => [Math.max(first, after + 1), Math.min(last, until)]));
  }
}

/** A list of numbers one by one. */
export class Sorted {
  /** @param {number[]} numbers rising */
  constructor(numbers) {
    this.numbers = numbers;
    this.length = numbers.length;
  }

  /** @param {number} index */
  at(index) {
    return index < 0 ? undefined : this.numbers[index];
  }

  /** @param {number} number */
  indexOf(number) {
    return lastAtMost(this.numbers, number - 1) + 1;
  }

  /** @param {number} after @param {number} until */
  clip(after, until) {
    return new Sorted(this.numbers.slice(this.indexOf(after + 1), this.indexOf(until + 1)));
  }
}

/**
 * The index of the last value that is at most this one; -1 when there is none.
 * @param {number[]} values rising
 * @param {number} wanted
 */
function lastAtMost(values, wanted) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? Infinity) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
