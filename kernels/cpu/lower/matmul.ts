/**
 * The ways of a matrix product.
 *
 * @module
 */

import { type Lower, panelFloats, SPARE_FLOATS } from "./lowering.ts";
import { matmulBlas } from "./matmul_blas.ts";

/** Rows of A that the kernel works on at once. */
const ROWS = 48;

/** Elements along k of a block: a panel and a strip of A fit the L1 cache. */
const MAX_BLOCK = 384;

/** Floats of a group of panels, which stays in the L2 cache. */
const GROUP_FLOATS = 65536;

/** Chunks that a long k is cut into. */
const CHUNK = 512;
const MAX_CHUNKS = 64;

function blockOf(k: number): number {
  return Math.ceil(k / Math.ceil(k / MAX_BLOCK) / 4) * 4;
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
  const group = Math.max(1, Math.floor(GROUP_FLOATS / (8 * block)));
  const panels = call.scratch(panelFloats(k, n));
  const packs = transA === 1 || block < k;
  const [own, bytes] = call.own(SPARE_FLOATS + (packs ? ROWS * block : 0));
  // deno-fmt-ignore
  return [
    ["matmulPack", b, panels, transB, n, k, block],
    ["matmulMultiply", a, panels, bias, residual, y, pre, own, bytes, transA, m, n, k, block, group, alpha, activation],
  ];
};
