/**
 * Ways to make a tensor of the model from stored ones.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import { freshRoom, type Room } from "../../weights/room.ts";
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
  room: Room,
): Float32Array<ArrayBuffer> {
  const result = room.floats(
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
  room: Room = freshRoom,
): Float32Array<ArrayBuffer> {
  const result = room.floats(values.length);
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

/** Zeros, for a bias that the checkpoint does without. */
export function zeros(shape: Shape): Recipe {
  const count = shape.reduce((product, size) => product * size, 1);
  return { parts: [], make: (_, room) => room.floats(count).fill(0) };
}

/**
 * A layer's weight or bias with a scale of its output folded in, as LayerScale
 * has one number for each row.
 *
 * @param scale The stored name of the scale, one number a row.
 */
export function scaledRows(
  { parts, make }: Recipe,
  scale: string,
  [rows]: Shape,
): Recipe {
  return {
    parts: [...parts, { name: scale, shape: [rows] }],
    make(arrays, room) {
      const factors = arrays[arrays.length - 1];
      const values = make(arrays.slice(0, -1), room);
      const fan = values.length / rows;
      const result = room.floats(values.length);
      for (let i = 0; i < result.length; i++) {
        result[i] = values[i] * factors[Math.floor(i / fan)];
      }
      return result;
    },
  };
}

/** Why LayerScale does not appear in the model. */
export const FOLDED_SCALE =
  "folded LayerScale into attn.proj and mlp.fc2, which computes the same";
