/**
 * A matrix product through BLAS.
 *
 * @module
 */

import type { Lowering, Phases } from "./lowering.ts";

/** A sum of many terms with few results is cut along k. */
function isLong(m: number, n: number, k: number): boolean {
  return m * n <= 128 * 128 && k >= 8 * Math.max(m, n);
}

/**
 * The phases of a `matmul`.
 *
 * At every size that was measured, down to 4 by 4 by 4, this was no slower than
 * the kernels in WASM: it needs one phase where they pack in another.
 */
export function matmulBlas(call: Lowering): Phases {
  const { threads } = call;
  const sizes = call.attributes("m", "n", "k", "transA", "transB");
  const [m, n, k, transA, transB] = sizes;
  const [alpha, activation] = call.attributes("alpha", "activation");
  const a = call.input(0), b = call.input(1), y = call.output(0);
  const bias = call.input(2), residual = call.input(3), pre = call.output(1);
  if (threads > 1 && isLong(m, n, k)) {
    const chunk = Math.ceil(k / threads);
    const chunks = Math.ceil(k / chunk);
    const partials = call.scratch(chunks * m * n);
    // deno-fmt-ignore
    return [
      ["blasChunks", a, b, partials, transA, transB, m, n, k, chunk],
      ["matmulSum", partials, bias, residual, y, pre, m, n, chunks, alpha, activation],
    ];
  }
  // deno-fmt-ignore
  return [
    ["blasMultiply", a, b, bias, residual, y, pre, transA, transB, m, n, k, alpha, activation],
  ];
}
