/**
 * y = act(α·A·B + bias) + residual, pre = α·A·B + bias.
 *
 * Shapes: A (m, k) or stored (k, m), B (k, n) or stored (n, k), bias (n), y,
 * pre and residual (m, n). Two families make it: register tiles without
 * barriers for software adapters, by vectors where rows are whole ones and
 * shared by a subgroup where there are some, and tiles in workgroup memory for
 * GPUs. Either splits a long k over workgroups when the result has too few tiles
 * to keep the device busy, which is what gradients of narrow factors need; a
 * second dispatch adds the chunks. What a tuner measured to be best is taken
 * where there is such a measurement, else a rule by the adapter's class.
 *
 * @module
 */
import {
  type AdapterClass,
  attribute,
  type Kernel,
  type LoweringContext,
} from "./kernel.ts";
import { matmulDispatches, matmulSumShader } from "./matmul_common.ts";
import { matmulRegisterShader } from "./matmul_register.ts";
import { matmulSubgroupShader } from "./matmul_subgroup.ts";
import { matmulTileShader } from "./matmul_tile.ts";
import {
  matmulKey,
  type MatmulShape,
  matmulShape,
  type MatmulTile,
  type MatmulVariant,
  ruleVariant,
  suitsVectors,
  variantGrid,
} from "./matmul_variant.ts";
import { matmulVectorsShader } from "./matmul_vectors.ts";

/** The variant of a product on an adapter, tuned or by the rule. */
export function chooseMatmul(
  shape: MatmulShape,
  context: Omit<LoweringContext, "scratch">,
): MatmulVariant {
  const tuned = context.matmulFamily === "auto"
    ? context.tuned?.get(matmulKey(shape))
    : undefined;
  if (!tuned || !suitsTile(tuned, shape, context)) {
    return ruleVariant(shape, context);
  }
  return tuned;
}

/**
 * Cut operands may have longer rows than those that were tuned, and a driver may
 * lose what it could.
 */
function suitsTile(
  { tile }: MatmulVariant,
  shape: MatmulShape,
  { subgroups }: AdapterClass,
): boolean {
  if (tile === "subgroup 32x32" && !subgroups) return false;
  return !byVectors(tile) || suitsVectors(shape);
}

function byVectors(tile: MatmulTile): boolean {
  return tile === "subgroup 32x32" || tile === "vectors 16x16";
}

const SHADERS = {
  "register 8x8": matmulRegisterShader,
  "vectors 16x16": matmulVectorsShader,
  "subgroup 32x32": matmulSubgroupShader,
  "workgroup 64x64": matmulTileShader,
} as const satisfies Record<MatmulTile, unknown>;

/** Matrix products in all four transposes. */
export const matmul: Kernel = {
  name: "matmul",
  half: { inputs: [0, 1, 2, 3], outputs: [0, 1] },
  shaders: [...Object.values(SHADERS), matmulSumShader],
  lower(call, context) {
    const shape = matmulShape(call);
    const variant = chooseMatmul(shape, context);
    const { tile, lanes, chunks } = variant;
    const alpha = attribute(call, "alpha");
    let chunk = Math.ceil(shape.k / chunks);
    if (byVectors(tile)) chunk = 4 * Math.ceil(chunk / 4);
    const grid = variantGrid(shape, variant);
    return matmulDispatches(
      call,
      { shader: SHADERS[tile], constants: {}, grid },
      { ...shape, alpha, chunk, chunks, lanes },
      context.scratch,
    );
  },
};
