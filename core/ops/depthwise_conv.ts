/**
 * Depthwise convolution of channels-last maps, and its gradients.
 *
 * y[b, i, j, c] = Σ x[b, i + u - p, j + v - p, c] · weight[u, v, c] + bias[c]
 * + residual[b, i, j, c], zeros outside the map, p = (kernel - 1) / 2. With
 * `flip` the weight is read backwards, [kernel - 1 - u, kernel - 1 - v], which is
 * the gradient towards x.
 *
 * Shapes: x, residual, y `[batch, size², channels]`; weight
 * `[kernel², channels]`; bias `[channels]`. Channels are a multiple of 4, the
 * kernel is odd.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, mapSide, present } from "./check.ts";
import { columnSum } from "./column_sum.ts";

/** The op behind {@linkcode depthwiseConv}. */
export const depthwiseConvOp: Op = {
  name: "depthwise_conv",
  flops: flopCount,
  outputs(inputs, attributes): Shape[] {
    const { batch, size, channels, kernel } = attributes;
    checkCounts("convolve depthwise", inputs, [
      ["x", batch * size * size * channels],
      ["weight", kernel * kernel * channels],
      ["bias?", channels],
      ["residual?", batch * size * size * channels],
    ]);
    checkSizes(attributes);
    return [[batch, size * size, channels]];
  },
  reference([x, weight, bias, residual], attributes): Float64Array[] {
    const { channels, kernel, flip } = attributes;
    const [v, w] = [present(x), present(weight)];
    const y = v.map((_, i) =>
      (bias ? bias[i % channels] : 0) + (residual ? residual[i] : 0)
    );
    const last = kernel * kernel - 1;
    eachTap(attributes, (to, from, tap) => {
      for (let c = 0; c < channels; c++) {
        y[to + c] += v[from + c] * w[(flip ? last - tap : tap) * channels + c];
      }
    });
    return [y];
  },
  gradient(node, [dy], needed) {
    const [x, weight] = node.inputs;
    if (!dy || !x || !weight) return [];
    const { batch, size, channels, kernel, flip } = node.attributes;
    const graph = dy.graph;
    const sizes = { batch, size, channels, kernel };
    const back = { ...sizes, flip: 1 - flip };
    const dx = needed[0]
      ? graph.apply(
        depthwiseConvOp,
        [dy, weight, undefined, undefined],
        back,
      )[0]
      : undefined;
    const pair = flip ? [x, dy] : [dy, x];
    const dweight = needed[1]
      ? graph.apply(
        depthwiseConvWeightGradientOp,
        [...pair, undefined],
        sizes,
      )[0]
      : undefined;
    const rows = batch * size * size;
    const dbias = needed[2] ? columnSum(dy, rows, channels) : undefined;
    return [dx, dweight, dbias, dy];
  },
  addend: 3,
};

/** The gradient towards the weight, plus an optional addend like it. */
export const depthwiseConvWeightGradientOp: Op = {
  name: "depthwise_conv_weight_gradient",
  flops: flopCount,
  outputs(inputs, attributes): Shape[] {
    const { batch, size, channels, kernel } = attributes;
    checkCounts("differentiate a depthwise convolution", inputs, [
      ["dy", batch * size * size * channels],
      ["x", batch * size * size * channels],
      ["addend?", kernel * kernel * channels],
    ]);
    checkSizes(attributes);
    return [[kernel * kernel, channels]];
  },
  reference([dy, x, addend], attributes): Float64Array[] {
    const { channels, kernel } = attributes;
    const [g, v] = [present(dy), present(x)];
    const dweight = addend?.slice() ??
      new Float64Array(kernel * kernel * channels);
    eachTap(attributes, (to, from, tap) => {
      for (let c = 0; c < channels; c++) {
        dweight[tap * channels + c] += g[to + c] * v[from + c];
      }
    });
    return [dweight];
  },
  addend: 2,
};

function flopCount({ batch, size, channels, kernel }: Attributes): number {
  return 2 * batch * size ** 2 * channels * kernel ** 2;
}

function checkSizes({ channels, kernel }: Attributes): void {
  if (kernel % 2 === 0) {
    throw new TypeError(
      `Cannot convolve depthwise: got a kernel of ${kernel}, wanted it odd`,
    );
  }
  if (channels % 4 !== 0) {
    throw new TypeError(
      `Cannot convolve depthwise: got ${channels} channels, wanted a ` +
        `multiple of 4`,
    );
  }
}

/** Visits the first channel of every pair of y and x that a tap joins. */
function eachTap(
  { batch, size, channels, kernel }: Attributes,
  visit: (to: number, from: number, tap: number) => void,
): void {
  const pad = (kernel - 1) / 2;
  const at = (b: number, i: number, j: number): number =>
    ((b * size + i) * size + j) * channels;
  for (let b = 0; b < batch; b++) {
    for (let tap = 0; tap < kernel * kernel; tap++) {
      const down = Math.floor(tap / kernel) - pad;
      const right = tap % kernel - pad;
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          const [u, v] = [i + down, j + right];
          if (Math.min(u, v) < 0 || Math.max(u, v) >= size) continue;
          visit(at(b, i, j), at(b, u, v), tap);
        }
      }
    }
  }
}

/**
 * Convolves each channel with a kernel of its own, over zeros at the border.
 *
 * @param x `[batch, size², channels]`, tokens in row-major order.
 * @param weight `[kernel², channels]`.
 * @param bias `[channels]`.
 * @returns Shaped like x.
 * @throws {TypeError} If the tokens are no square, the kernel is even, or the
 * channels are no multiple of 4.
 */
export function depthwiseConv(x: Value, weight: Value, bias: Value): Value {
  const [batch, tokens, channels] = x.shape;
  const [taps] = weight.shape;
  const attributes = {
    batch,
    size: mapSide("convolve depthwise", tokens),
    channels,
    kernel: Math.sqrt(taps),
    flip: 0,
  };
  const inputs = [x, weight, bias, undefined];
  return x.graph.apply(depthwiseConvOp, inputs, attributes)[0];
}
