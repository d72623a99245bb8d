/**
 * The ways of a matrix product.
 *
 * @module
 */

import { type Lower, panelFloats, SPARE_FLOATS } from "./lowering.ts";
import { matmulBlas } from "./matmul_blas.ts";

/** Rows of A that the kernel works on at once. */
const ROWS = 50;

/** Elements along k of a block: a panel and a strip of A fit the L1 cache. */
const MAX_BLOCK = 384;

/** Columns that the kernel finishes at once. */
const GROUP = 64;

/** Units of work that keep threads busy to the end, if there are so many. */
const UNITS = 32;

/** Chunks that a long k is cut into. */
const CHUNK = 512;
const MAX_CHUNKS = 64;

function blockOf(k: number): number {
  return Math.ceil(k / Math.ceil(k / MAX_BLOCK) / 4) * 4;
}

/** Columns of a unit of work: all of them if there are many rows. */
function widthOf(m: number, n: number): number {
  const groups = Math.ceil(n / GROUP);
  const across = Math.min(groups, Math.ceil(UNITS / Math.ceil(m / ROWS)));
  return Math.ceil(groups / across) * GROUP;
}

/** Many chunks of k keep all threads busy if the result is small. */
function isLong(m: number, n: number, k: number): boolean {
  return k >= 2 * CHUNK && m * n <= 192 * 192 && k >= 4 * Math.max(m, n);
}

/** `matmul`. */
export const matmul: Lower = (call) => {
  if (call.blas) return matmulBlas(call);
  const [m, n, k, transA, transB] = call.attributes(
    "m",
    "n",
    "k",
    "transA",
    "transB",
  );
  const [alpha, activation] = call.attributes("alpha", "activation");
  const a = call.input(0), b = call.input(1), y = call.output(0);
  const bias = call.input(2), residual = call.input(3), pre = call.output(1);
  if (isLong(m, n, k)) {
    const chunk = Math.max(CHUNK, Math.ceil(k / MAX_CHUNKS));
    const chunks = Math.ceil(k / chunk);
    const block = blockOf(chunk);
    const partials = call.scratch(chunks * m * n);
    const [own, bytes] = call.own(
      SPARE_FLOATS + ROWS * block + panelFloats(block, n),
    );
    // deno-fmt-ignore
    return [
      ["matmulChunks", a, b, partials, own, bytes, transA, transB, m, n, k, chunk, block],
      ["matmulSum", partials, bias, residual, y, pre, m, n, chunks, alpha, activation],
    ];
  }
  const block = blockOf(k);
  const panels = call.scratch(panelFloats(k, n));
  const [own, bytes] = call.own(SPARE_FLOATS + ROWS * block);
  // deno-fmt-ignore
  return [
    ["matmulPack", b, panels, transB, n, k, block],
    ["matmulMultiply", a, panels, bias, residual, y, pre, own, bytes, transA, m, n, k, block, widthOf(m, n), alpha, activation],
  ];
};
