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
