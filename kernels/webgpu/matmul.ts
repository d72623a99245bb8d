/**
 * y = act(α·A·B + bias) + residual, pre = α·A·B + bias.
 *
 * Shapes: A (m, k) or stored (k, m), B (k, n) or stored (n, k), bias (n), y,
 * pre and residual (m, n). Two families make it: register tiles without
 * barriers for software adapters, tiles in workgroup memory for GPUs. Either
 * splits a long k over workgroups when the result has too few tiles to keep
 * the device busy, which is what gradients of narrow factors need; a second
 * dispatch adds the chunks. {@linkcode chooseMatmul} is the only rule.
 *
 * @module
 */
import { attribute, type Kernel, type LoweringContext } from "./kernel.ts";
import { matmulDispatches, matmulSumShader } from "./matmul_common.ts";
import {
  matmulNarrowShader,
  matmulWideShader,
  registerDispatch,
  registerTile,
} from "./matmul_register.ts";
import { matmulTileShader, tileGrid, WORKGROUP_TILE } from "./matmul_tile.ts";

/** The family and the split of k for a product on an adapter. */
export function chooseMatmul(
  { m, n, k }: { m: number; n: number; k: number },
  { software, matmulFamily }: Pick<
    LoweringContext,
    "software" | "matmulFamily"
  >,
): { family: "register" | "tile"; chunk: number; chunks: number } {
  const family = matmulFamily === "auto"
    ? software ? "register" : "tile"
    : matmulFamily;
  const side = family === "register" ? registerTile(m, n) : WORKGROUP_TILE;
  const tiles = Math.ceil(m / side) * Math.ceil(n / side);
  const wanted = Math.ceil((family === "register" ? 64 : 256) / tiles);
  const longest = Math.floor(k / SHORTEST_CHUNK);
  const chunks = Math.max(1, Math.min(wanted, longest));
  const chunk = Math.ceil(k / chunks);
  return { family, chunk, chunks: Math.ceil(k / chunk) };
}

/** A shorter part of k is not worth writing and adding a result. */
const SHORTEST_CHUNK = 128;

/** Matrix products in all four transposes. */
export const matmul: Kernel = {
  name: "matmul",
  shaders: [
    matmulNarrowShader,
    matmulWideShader,
    matmulTileShader,
    matmulSumShader,
  ],
  lower(call, context) {
    const [m, n, k, transA, transB, alpha] = [
      "m",
      "n",
      "k",
      "transA",
      "transB",
      "alpha",
    ].map((name) => attribute(call, name));
    const { family, chunk, chunks } = chooseMatmul({ m, n, k }, context);
    const { aRow, bRow, yRow } = call.attributes;
    const rows = { aRow, bRow, yRow };
    const sizes = { m, n, k, transA, transB, alpha, chunk, chunks, ...rows };
    const dispatch = family === "register"
      ? registerDispatch(sizes)
      : { shader: matmulTileShader, constants: {}, grid: tileGrid(sizes) };
    return matmulDispatches(call, dispatch, sizes, context.scratch);
  },
};
