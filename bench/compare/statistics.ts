/**
 * Medians with their spread.
 *
 * @module
 */

/** A figure that was measured several times. */
export interface Figure {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** In the order in which they were measured. */
  readonly values: readonly number[];
}

/** @throws {RangeError} If there is no value. */
export function figureOf(values: readonly number[]): Figure {
  if (values.length === 0) {
    throw new RangeError("Cannot take a median: got no values, wanted some");
  }
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2
    ? sorted[half]
    : (sorted[half - 1] + sorted[half]) / 2;
  return { median, low: sorted[0], high: sorted[sorted.length - 1], values };
}

/** The ratio of two figures whose values were measured in turn, pair by pair. */
export function ratioOf(a: Figure, b: Figure): Figure {
  return figureOf(a.values.map((value, i) => value / b.values[i]));
}
