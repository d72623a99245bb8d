/**
 * Multi-head self-attention on fused queries, keys and values, and its gradient.
 *
 * o = softmax(q kᵀ / √(width / heads)) v, per image and head. Shapes: qkv
 * `[batch, tokens, 3 · width]` as q | k | v, each head-major; o
 * `[batch, tokens, width]`; lse, the log-sum-exp of the scaled scores,
 * `[batch, heads, tokens]`. The probabilities are never stored: the gradient
 * makes them again from lse.
 *
 * Source: Vaswani et al., Attention Is All You Need, 2017; Dao et al.,
 * FlashAttention, 2022, for the gradient from the log-sum-exp.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The forward op. */
export const attentionOp: Op = {
  name: "attention",
  // q kᵀ and p v.
  flops: ({ batch, tokens, width }) => 4 * batch * tokens ** 2 * width,
  outputs([qkv], { batch, tokens, heads, width }): Shape[] {
    checkCounts("attend", [qkv], [["qkv", batch * tokens * 3 * width]]);
    if (width % heads !== 0) {
      throw new TypeError(
        `Cannot attend: got width ${width} and ${heads} heads, wanted the ` +
          `width to be a multiple of the heads`,
      );
    }
    return [[batch, tokens, width], [batch, heads, tokens]];
  },
  reference([qkv], attributes): Float64Array[] {
    const { batch, tokens, heads, width } = attributes;
    const values = present(qkv);
    const size = width / heads;
    const o = new Float64Array(batch * tokens * width);
    const lse = new Float64Array(batch * heads * tokens);
    eachRow(attributes, (image, head, query) => {
      const at = rowOffsets(attributes, image, head);
      const scores = scoreRow(values, attributes, { image, head, query });
      const largest = Math.max(...scores);
      const sum = scores.reduce((s, e) => s + Math.exp(e - largest), 0);
      const row = (image * heads + head) * tokens + query;
      lse[row] = largest + Math.log(sum);
      for (let key = 0; key < tokens; key++) {
        const p = Math.exp(scores[key] - lse[row]);
        for (let c = 0; c < size; c++) {
          o[(image * tokens + query) * width + head * size + c] += p *
            values[at.v + key * 3 * width + c];
        }
      }
    });
    return [o, lse];
  },
  gradient(node, [dy]) {
    const [qkv] = node.inputs;
    const [o, lse] = node.outputs;
    if (!dy || !qkv) return [];
    const inputs = [dy, qkv, o, lse];
    return qkv.graph.apply(attentionGradientOp, inputs, node.attributes)
      .slice();
  },
};

/** The gradient towards qkv. */
export const attentionGradientOp: Op = {
  name: "attention_gradient",
  // q kᵀ once more, and the gradients of p, v, q and k.
  flops: ({ batch, tokens, width }) => 10 * batch * tokens ** 2 * width,
  outputs(inputs, { batch, tokens, heads, width }): Shape[] {
    checkCounts("differentiate attention", inputs, [
      ["dy", batch * tokens * width],
      ["qkv", batch * tokens * 3 * width],
      ["o", batch * tokens * width],
      ["lse", batch * heads * tokens],
    ]);
    return [[batch, tokens, 3 * width]];
  },
  reference([dy, qkv, o, lse], attributes): Float64Array[] {
    const { tokens, heads, width } = attributes;
    const [g, x, y] = [present(dy), present(qkv), present(o)];
    const size = width / heads;
    const scale = 1 / Math.sqrt(size);
    const dqkv = new Float64Array(x.length);
    eachRow(attributes, (image, head, query) => {
      const at = rowOffsets(attributes, image, head);
      const scores = scoreRow(x, attributes, { image, head, query });
      const row = present(lse)[(image * heads + head) * tokens + query];
      const out = (image * tokens + query) * width + head * size;
      let delta = 0;
      for (let c = 0; c < size; c++) delta += g[out + c] * y[out + c];
      for (let key = 0; key < tokens; key++) {
        const step = key * 3 * width;
        const p = Math.exp(scores[key] - row);
        let dp = 0;
        for (let c = 0; c < size; c++) dp += g[out + c] * x[at.v + step + c];
        const ds = p * (dp - delta) * scale;
        for (let c = 0; c < size; c++) {
          const q = at.q + query * 3 * width + c;
          dqkv[at.v + step + c] += p * g[out + c];
          dqkv[q] += ds * x[at.k + step + c];
          dqkv[at.k + step + c] += ds * x[q];
        }
      }
    });
    return [dqkv];
  },
};

function eachRow(
  { batch, heads, tokens }: Attributes,
  visit: (image: number, head: number, query: number) => void,
): void {
  for (let image = 0; image < batch; image++) {
    for (let head = 0; head < heads; head++) {
      for (let query = 0; query < tokens; query++) visit(image, head, query);
    }
  }
}

function rowOffsets(
  { tokens, heads, width }: Attributes,
  image: number,
  head: number,
): { q: number; k: number; v: number } {
  const q = image * tokens * 3 * width + head * width / heads;
  return { q, k: q + width, v: q + 2 * width };
}

function scoreRow(
  qkv: Float64Array,
  attributes: Attributes,
  { image, head, query }: { image: number; head: number; query: number },
): Float64Array {
  const { tokens, heads, width } = attributes;
  const size = width / heads;
  const at = rowOffsets(attributes, image, head);
  return Float64Array.from({ length: tokens }, (_, key) => {
    let dot = 0;
    for (let c = 0; c < size; c++) {
      dot += qkv[at.q + query * 3 * width + c] *
        qkv[at.k + key * 3 * width + c];
    }
    return dot / Math.sqrt(size);
  });
}

/**
 * Attends within each image.
 *
 * @param qkv `[batch, tokens, 3 · width]`.
 * @param heads Divides the width.
 * @returns `[batch, tokens, width]`.
 * @throws {TypeError} If the heads do not divide the width.
 */
export function attention(qkv: Value, heads: number): Value {
  const [batch, tokens, triple] = qkv.shape;
  const attributes = { batch, tokens, heads, width: triple / 3 };
  return qkv.graph.apply(attentionOp, [qkv], attributes)[0];
}
