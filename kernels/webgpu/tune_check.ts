/**
 * Whether a variant of a matrix product computes what it should.
 *
 * @module
 */

import type { KernelCall } from "../engine.ts";

/** An op's slow and readable reference. */
export type Reference = (
  inputs: (Float64Array | undefined)[],
  attributes: Readonly<Record<string, number>>,
) => Float64Array[];

/** Inputs of a product as they lie in memory; absent ones are undefined. */
export type ProductInputs = readonly (Float32Array | undefined)[];

/** Rows, and as many columns, that are compared with the reference. */
const LINES = 12;

/**
 * Largest difference in units of √k: products of numbers between -1 and 1 add
 * up to about √k / 3, a single one is about 0.3.
 */
const TOLERANCE = 1e-4;

/**
 * Compares some rows and columns of results, the first and the last among
 * them, with the reference.
 *
 * @returns What is wrong, for a message.
 */
export function checkLines(
  { attributes }: KernelCall,
  inputs: ProductInputs,
  results: readonly Float32Array[],
  reference: Reference,
): string | undefined {
  const { m, n, k, transA, transB } = attributes;
  const [a, b, bias, residual] = inputs.map((x) => x && Float64Array.from(x));
  if (!a || !b) return "no operands";
  for (const row of spread(m)) {
    const line = transA ? strided(a, row, m, k) : strided(a, row * k, 1, k);
    const old = residual && strided(residual, row * n, 1, n);
    const one = { ...attributes, m: 1, transA: 0 };
    const wanted = reference([line, b, bias, old], one);
    const wrong = compare(results, wanted, k, (j) => row * n + j);
    if (wrong) return wrong;
  }
  for (const column of spread(n)) {
    const line = transB
      ? strided(b, column * k, 1, k)
      : strided(b, column, n, k);
    const old = residual && strided(residual, column, n, m);
    const one = { ...attributes, n: 1, transB: 1 };
    const shift = bias && bias.slice(column, column + 1);
    const wanted = reference([a, line, shift, old], one);
    const wrong = compare(results, wanted, k, (i) => i * n + column);
    if (wrong) return wrong;
  }
  return undefined;
}

/**
 * Compares all of two results.
 *
 * @returns What is wrong, for a message.
 */
export function checkEqual(
  { attributes }: KernelCall,
  results: readonly Float32Array[],
  wanted: readonly Float32Array[],
): string | undefined {
  return compare(results, wanted, attributes.k, (i) => i);
}

function compare(
  results: readonly Float32Array[],
  wanted: readonly (Float32Array | Float64Array)[],
  k: number,
  indexOf: (i: number) => number,
): string | undefined {
  const allowed = TOLERANCE * Math.sqrt(k);
  for (const [output, result] of results.entries()) {
    const line = wanted[output];
    for (let i = 0; i < line.length; i++) {
      const found = result[indexOf(i)];
      if (!(Math.abs(found - line[i]) <= allowed)) {
        return `${found} instead of ${line[i]}`;
      }
    }
  }
  return undefined;
}

/** Some indices below a count, the first and the last among them. */
function spread(count: number): number[] {
  const lines = Math.min(count, LINES);
  return Array.from(
    { length: lines },
    (_, i) => lines > 1 ? Math.round(i * (count - 1) / (lines - 1)) : 0,
  );
}

function strided(
  numbers: Float64Array,
  start: number,
  stride: number,
  count: number,
): Float64Array {
  return Float64Array.from(
    { length: count },
    (_, i) => numbers[start + i * stride],
  );
}
