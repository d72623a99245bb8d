/**
 * Layers between a method's hooks, which architectures are put together from.
 *
 * @module
 */

import { countOf, type Shape, type Value } from "../graph/graph.ts";
import type { Init } from "../methods/method.ts";
import { addScaledRows } from "../ops/dropout.ts";
import { add } from "../ops/elementwise.ts";
import { applyGelu } from "../ops/gelu.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import { linear, type LinearOptions } from "../ops/matmul.ts";
import { takeTokens } from "../ops/tokens.ts";
import type { BackboneTensor, ImageConfig, Trace } from "./architecture.ts";

/** What these layers need to know of a forward pass. */
export type LayerTrace = Trace<ImageConfig>;

/**
 * A linear layer, fused where the method leaves it alone.
 *
 * @param x `[…, in]`; of a convolution that does not overlap, patches in the
 * order of its weight.
 */
export function linearLayer(
  { tensor, hooks }: LayerTrace,
  module: string,
  x: Value,
  options: LinearOptions = {},
): Value {
  const stored = tensor(`${module}.weight`);
  const [out, ...inner] = stored.shape;
  const weight = x.graph.reshape(stored, [out, countOf(inner)]);
  const bias = tensor(`${module}.bias`);
  const entering = hooks.input?.(module, x) ?? x;
  const change = hooks.output?.(module);
  if (!change) return linear(entering, weight, { ...options, bias });
  const changed = change(linear(entering, weight, { bias }), entering);
  const active = options.activation === "gelu" ? applyGelu(changed) : changed;
  return options.residual ? add(options.residual, active) : active;
}

/** A layer norm. */
export function normLayer(
  { tensor, hooks }: LayerTrace,
  module: string,
  x: Value,
  eps: number,
): Value {
  const weight = tensor(`${module}.weight`);
  const y = layerNorm(x, weight, tensor(`${module}.bias`), eps);
  return hooks.output?.(module)?.(y, x) ?? y;
}

/** A residual branch among those of the model. */
export interface BranchPlace {
  /** Such as `blocks.0.attn`. */
  readonly name: string;
  /** Its number among the branches of the model. */
  readonly index: number;
}

/**
 * Adds a branch to the stream, inside its last layer where nothing is between.
 *
 * @param branch Traces the branch, with `residual` added if there is one.
 */
export function addBranch(
  { hooks, dropPath }: LayerTrace,
  { name, index }: BranchPlace,
  stream: Value,
  branch: (options: Pick<LinearOptions, "residual">) => Value,
): Value {
  const change = hooks.branch?.(name);
  if (!change && !dropPath) return branch({ residual: stream });
  const plain = branch({});
  const y = change ? change(plain, stream) : plain;
  if (!dropPath) return add(stream, y);
  const { graph } = stream;
  const [branches, batch] = dropPath.shape;
  const table = graph.reshape(dropPath, [1, branches, batch]);
  const scale = graph.reshape(takeTokens(table, index, 1), [batch]);
  return addScaledRows(y, scale, stream);
}

/** Lists the tensors of layers, started as timm does. */
export class TensorList {
  /** Tensors by name, in the order in which they were added. */
  readonly tensors: Map<string, BackboneTensor> = new Map();

  /** Adds one tensor. */
  put(name: string, shape: Shape, init: Init): void {
    this.tensors.set(name, { shape, init });
  }

  /** Adds the weight of a layer, normal with the tails cut off. */
  weight(name: string, shape: Shape): void {
    this.put(name, shape, { kind: "truncated_normal", std: 0.02 });
  }

  /** Adds a layer: a weight `[out, …]` and a bias of zeros. */
  layer(name: string, shape: Shape): void {
    this.weight(`${name}.weight`, shape);
    this.put(`${name}.bias`, [shape[0]], { kind: "constant", value: 0 });
  }

  /** Adds a layer norm. */
  norm(name: string, width: number): void {
    this.put(`${name}.weight`, [width], { kind: "constant", value: 1 });
    this.put(`${name}.bias`, [width], { kind: "constant", value: 0 });
  }

  /** Adds a convolution that starts as in PyTorch: uniform in ±1 / √(fan in). */
  convolution(name: string, shape: Shape): void {
    const bound = 1 / Math.sqrt(countOf(shape.slice(1)));
    this.put(`${name}.weight`, shape, { kind: "uniform", bound });
    this.put(`${name}.bias`, [shape[0]], { kind: "uniform", bound });
  }
}
