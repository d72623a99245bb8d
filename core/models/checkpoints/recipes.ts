/**
 * Ways to make a tensor of the model from stored ones.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import type { Recipe } from "./checkpoint.ts";

/** The stored tensor as it is. */
export function same(name: string, shape: Shape): Recipe {
  return { parts: [{ name, shape }], make: ([values]) => values };
}

/** Stored tensors of one shape, one after another: fused q, k and v. */
export function stacked(names: readonly string[], shape: Shape): Recipe {
  const [rows, ...rest] = shape;
  const parts = names.map((name) => ({
    name,
    shape: [rows / names.length, ...rest],
  }));
  return { parts, make: concatenated };
}

/** The numbers of several arrays in one. */
export function concatenated(
  arrays: readonly Float32Array[],
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(
    arrays.reduce((n, { length }) => n + length, 0),
  );
  let at = 0;
  for (const values of arrays) {
    result.set(values, at);
    at += values.length;
  }
  return result;
}

/**
 * Turns the order of axes around: `[a, b, c]` becomes `[c, b, a]`. With `b` = 1
 * it transposes a matrix.
 */
export function reversed(
  values: Float32Array,
  [a, b, c]: readonly [a: number, b: number, c: number],
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      const row = (i * b + j) * c;
      for (let k = 0; k < c; k++) {
        result[(k * b + j) * a + i] = values[row + k];
      }
    }
  }
  return result;
}
