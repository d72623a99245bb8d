/**
 * The mean over tokens, as in global average pooling.
 *
 * Shapes: x `[batch, tokens, width]`, y `[batch, width]`.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op behind {@linkcode meanTokens}. */
export const meanTokensOp: Op = {
  name: "mean_tokens",
  flops: ({ batch, tokens, width }) => batch * tokens * width,
  outputs([x], { batch, tokens, width }): Shape[] {
    checkCounts("average tokens", [x], [["x", batch * tokens * width]]);
    return [[batch, width]];
  },
  reference([x], { batch, tokens, width }): Float64Array[] {
    const y = new Float64Array(batch * width);
    for (const [i, v] of present(x).entries()) {
      y[Math.floor(i / (tokens * width)) * width + i % width] += v / tokens;
    }
    return [y];
  },
  gradient(node, [dy]) {
    return [dy?.graph.apply(spreadTokensOp, [dy], node.attributes)[0]];
  },
};

/** The op dx[b, t] = dy[b] / tokens, the gradient of the mean. */
export const spreadTokensOp: Op = {
  name: "spread_tokens",
  flops: ({ batch, tokens, width }) => batch * tokens * width,
  outputs([dy], { batch, tokens, width }): Shape[] {
    checkCounts("differentiate a mean", [dy], [["dy", batch * width]]);
    return [[batch, tokens, width]];
  },
  reference([dy], { batch, tokens, width }): Float64Array[] {
    const g = present(dy);
    const dx = new Float64Array(batch * tokens * width);
    return [
      dx.map((_, i) =>
        g[Math.floor(i / (tokens * width)) * width + i % width] / tokens
      ),
    ];
  },
};

/**
 * Averages the tokens of each image.
 *
 * @param x `[batch, tokens, width]`.
 * @returns `[batch, width]`.
 */
export function meanTokens(x: Value): Value {
  const [batch, tokens, width] = x.shape;
  return x.graph.apply(meanTokensOp, [x], { batch, tokens, width })[0];
}
