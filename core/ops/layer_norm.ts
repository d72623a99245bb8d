/**
 * Layer normalisation over the last dimension, and its gradients.
 *
 * y = (x - mean) · rstd · weight + bias, with the biased variance and `eps`
 * inside the root. Shapes: x, y `[m, n]`; weight, bias `[n]`; mean, rstd `[m]`.
 *
 * Source: Ba, Kiros and Hinton, Layer Normalization, 2016.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The forward op. */
export const layerNormOp: Op = {
  name: "layer_norm",
  flops: ({ m, n }) => 8 * m * n,
  outputs(inputs, { m, n }): Shape[] {
    checkCounts("normalise a layer", inputs, [
      ["x", m * n],
      ["weight", n],
      ["bias", n],
    ]);
    return [[m, n], [m], [m]];
  },
  reference([x, weight, bias], { m, n, eps }): Float64Array[] {
    const [v, w, b] = [present(x), present(weight), present(bias)];
    const y = new Float64Array(m * n);
    const mean = new Float64Array(m);
    const rstd = new Float64Array(m);
    for (let i = 0; i < m; i++) {
      const row = v.subarray(i * n, (i + 1) * n);
      mean[i] = row.reduce((sum, e) => sum + e, 0) / n;
      const variance = row.reduce((sum, e) => sum + (e - mean[i]) ** 2, 0) / n;
      rstd[i] = 1 / Math.sqrt(variance + eps);
      for (let j = 0; j < n; j++) {
        y[i * n + j] = (row[j] - mean[i]) * rstd[i] * w[j] + b[j];
      }
    }
    return [y, mean, rstd];
  },
  gradient(node, [dy], needed) {
    const [x, weight] = node.inputs;
    const [, mean, rstd] = node.outputs;
    if (!dy || !x || !weight) return [];
    const { m, n } = node.attributes;
    const apply = x.graph.apply.bind(x.graph);
    const parameters = needed[1] || needed[2]
      ? apply(layerNormParameterGradientOp, [dy, x, mean, rstd], { m, n })
      : [];
    const dx = needed[0]
      ? apply(
        layerNormGradientOp,
        [dy, x, weight, mean, rstd, undefined],
        { m, n },
      )[0]
      : undefined;
    return [
      dx && x.graph.reshape(dx, x.shape),
      needed[1] ? parameters[0] : undefined,
      needed[2] ? parameters[1] : undefined,
    ];
  },
};

/** The gradient towards x, plus an optional addend `[m, n]`. */
export const layerNormGradientOp: Op = {
  name: "layer_norm_gradient",
  flops: ({ m, n }) => 12 * m * n,
  outputs(inputs, { m, n }): Shape[] {
    checkCounts("differentiate a layer norm", inputs, [
      ["dy", m * n],
      ["x", m * n],
      ["weight", n],
      ["mean", m],
      ["rstd", m],
      ["addend?", m * n],
    ]);
    return [[m, n]];
  },
  reference([dy, x, weight, mean, rstd, addend], { m, n }): Float64Array[] {
    const [g, v, w] = [present(dy), present(x), present(weight)];
    const [mu, r] = [present(mean), present(rstd)];
    const dx = addend ? addend.slice() : new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      let sum = 0;
      let dot = 0;
      for (let j = 0; j < n; j++) {
        const scaled = g[i * n + j] * w[j];
        sum += scaled;
        dot += scaled * (v[i * n + j] - mu[i]) * r[i];
      }
      for (let j = 0; j < n; j++) {
        const normal = (v[i * n + j] - mu[i]) * r[i];
        dx[i * n + j] += r[i] *
          (g[i * n + j] * w[j] - sum / n - normal * dot / n);
      }
    }
    return [dx];
  },
  addend: 5,
};

/** The gradients towards weight and bias. */
export const layerNormParameterGradientOp: Op = {
  name: "layer_norm_parameter_gradient",
  flops: ({ m, n }) => 5 * m * n,
  outputs(inputs, { m, n }): Shape[] {
    checkCounts("differentiate a layer norm", inputs, [
      ["dy", m * n],
      ["x", m * n],
      ["mean", m],
      ["rstd", m],
    ]);
    return [[n], [n]];
  },
  reference([dy, x, mean, rstd], { m, n }): Float64Array[] {
    const [g, v] = [present(dy), present(x)];
    const [mu, r] = [present(mean), present(rstd)];
    const dweight = new Float64Array(n);
    const dbias = new Float64Array(n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        dweight[j] += g[i * n + j] * (v[i * n + j] - mu[i]) * r[i];
        dbias[j] += g[i * n + j];
      }
    }
    return [dweight, dbias];
  },
};

/**
 * Normalises the last dimension.
 *
 * @param x `[…, n]`.
 * @param weight `[n]`.
 * @param bias `[n]`.
 * @param eps Added to the variance, > 0.
 * @returns Shaped like x.
 * @throws {TypeError} If the widths differ.
 */
export function layerNorm(
  x: Value,
  weight: Value,
  bias: Value,
  eps: number,
): Value {
  const n = x.shape[x.shape.length - 1];
  const m = x.count / n;
  const [y] = x.graph.apply(layerNormOp, [x, weight, bias], { m, n, eps });
  return x.graph.reshape(y, x.shape);
}
