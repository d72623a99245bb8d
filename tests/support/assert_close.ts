import { AssertionError } from "node:assert/strict";
import { type Numbers, relativeError } from "./relative_error.ts";

export { type Numbers, relativeError };

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
