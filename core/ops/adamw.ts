/**
 * Global gradient norm and AdamW over one flat range of parameters.
 *
 * g = gradient · min(1, clip / (norm + 1e-6)) where clip > 0
 * m = β₁ m + (1 - β₁) g,  v = β₂ v + (1 - β₂) g²
 * p = p (1 - lr · decay) - lr · (m / c₁) / (√(v / c₂) + eps)
 *
 * Nothing changes when the norm is not finite. Settings `[8]` are lr, β₁, β₂,
 * eps, decay, clip, c₁ = 1 - β₁ⁿ, c₂ = 1 - β₂ⁿ at update n = 1, 2, ….
 *
 * Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op norm = √Σ g². */
export const globalNormOp: Op = {
  name: "global_norm",
  flops: ({ count }) => 2 * count,
  outputs([gradient], { count }): Shape[] {
    checkCounts("compute a norm", [gradient], [["gradient", count]]);
    return [[1]];
  },
  reference([gradient]): Float64Array[] {
    return [
      Float64Array.of(
        Math.sqrt(present(gradient).reduce((sum, g) => sum + g * g, 0)),
      ),
    ];
  },
};

/** The op that updates parameters and both moments in place. */
export const adamwOp: Op = {
  name: "adamw",
  flops: ({ count }) => 17 * count,
  outputs(inputs, { count }): Shape[] {
    checkCounts("update parameters", inputs, [
      ["parameter", count],
      ["gradient", count],
      ["first moment", count],
      ["second moment", count],
      ["norm", 1],
      ["settings", 8],
    ]);
    return [];
  },
  reference(inputs): Float64Array[] {
    const [p, gradient, m, v, norm, settings] = inputs.map(present);
    const [lr, beta1, beta2, eps, decay, clip, c1, c2] = settings;
    if (!Number.isFinite(norm[0])) return [];
    const factor = clip > 0 ? Math.min(1, clip / (norm[0] + 1e-6)) : 1;
    for (let i = 0; i < p.length; i++) {
      const g = gradient[i] * factor;
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      p[i] = p[i] * (1 - lr * decay) -
        lr * (m[i] / c1) / (Math.sqrt(v[i] / c2) + eps);
    }
    return [];
  },
  mutates: [0, 2, 3],
};

/** The flat ranges that {@linkcode adamw} works on, all of one length. */
export interface AdamwState {
  parameter: Value;
  gradient: Value;
  moment1: Value;
  moment2: Value;
}

/**
 * Clips the gradient by its global norm and updates the parameters.
 *
 * @param state Flat ranges; parameter and moments are overwritten.
 * @param settings `[8]`, see the module.
 * @returns The norm before clipping, `[1]`.
 */
export function adamw(state: AdamwState, settings: Value): Value {
  const { parameter, gradient, moment1, moment2 } = state;
  const { count, graph } = parameter;
  const [norm] = graph.apply(globalNormOp, [gradient], { count });
  const inputs = [parameter, gradient, moment1, moment2, norm, settings];
  graph.apply(adamwOp, inputs, { count });
  return norm;
}
