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

/** Rows and numbers that make it worth while to transpose the right factor. */
const [TALL, SMALL] = [2048, 2 ** 18];

/**
 * Whether the right factor is better transposed before. oneDNN reads a transposed
 * one more slowly: where that is small and has many rows to multiply, a step of
 * a ViT of width 192 gains 2 %; where it is large, the copy costs more.
 */
function isBetterTransposed(call: Lowering): boolean {
  const [m, n, k] = call.attributes("m", "n", "k");
  return call.blas?.slowTransposed === true &&
    call.attribute("transB") === 1 && m >= TALL && n * k <= SMALL;
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
  if (isBetterTransposed(call)) {
    const plain = call.scratch(k * n);
    // deno-fmt-ignore
    return [
      ["transpose", b, plain, n, k, 1],
      ["blasMultiply", a, plain, bias, residual, y, pre, transA, 0, m, n, k, alpha, activation],
    ];
  }
  // deno-fmt-ignore
  return [
    ["blasMultiply", a, b, bias, residual, y, pre, transA, transB, m, n, k, alpha, activation],
  ];
}
