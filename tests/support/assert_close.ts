import { AssertionError } from "node:assert/strict";

/** Numbers in a row. */
export type Numbers = ArrayLike<number>;

/**
 * max |actual - wanted| / max |wanted|; NaN in either counts as infinite.
 *
 * @param floor The least that the divisor is taken for.
 */
export function relativeError(
  actual: Numbers,
  wanted: Numbers,
  floor = 0,
): number {
  let largest = floor;
  let error = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(actual[i] - wanted[i]);
    if (Number.isNaN(difference)) return Infinity;
    error = Math.max(error, difference);
    largest = Math.max(largest, Math.abs(wanted[i]));
  }
  return largest === 0 ? error : error / largest;
}

/**
 * Fails when two rows of numbers differ by more than a relative tolerance, and
 * says where and by how much.
 */
export function assertClose(
  actual: Numbers,
  wanted: Numbers,
  tolerance: number,
  what: string,
  floor = 0,
): void {
  if (actual.length !== wanted.length) {
    throw new AssertionError({
      message: `${what}: got ${actual.length} numbers, wanted ${wanted.length}`,
    });
  }
  const error = relativeError(actual, wanted, floor);
  if (error <= tolerance) return;
  const worst = Array.from(wanted, (w, i) => [Math.abs(actual[i] - w), i])
    .map(([d, i]) => [Number.isNaN(d) ? Infinity : d, i])
    .sort(([a], [b]) => b - a).slice(0, 5)
    .map(([, i]) => `  [${i}] ${actual[i]}, wanted ${wanted[i]}`);
  throw new AssertionError({
    message: `${what}: relative error ${error.toExponential(2)}, wanted at ` +
      `most ${tolerance}; the worst of ${wanted.length}:\n${worst.join("\n")}`,
  });
}
