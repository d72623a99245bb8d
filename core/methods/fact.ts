/**
 * What FacT's two decompositions share: every weight of the network gets an
 * increment between the same two thin matrices.
 *
 * Each linear layer is read as a × b matrices of the width d (qkv: 1 × 3, proj:
 * 1 × 1, fc1: 1 × 4, fc2: 4 × 1), and
 *
 *     y[b] = W[b] x + s · Σₐ x[a] U G[a, b] V
 *
 * with U `[d, r]` and V `[r, d]` for the whole network, and G `[r, r]` for each
 * matrix. The cores of a layer are kept as one, `[a · r, b · r]`.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import { product } from "../ops/matmul.ts";
import { addBeside } from "./low_rank.ts";
import type {
  HookContext,
  Hooks,
  MergeContext,
  MethodTensor,
  ModelShape,
  OptionSpec,
} from "./method.ts";

/** A linear layer as matrices of the width. */
export interface Layer {
  /** Such as `blocks.0.attn.qkv`. */
  readonly module: string;
  /** How many widths enter. */
  readonly from: number;
  /** How many widths leave. */
  readonly to: number;
  /** The number of its first matrix among those of the network. */
  readonly first: number;
}

const DOWN = "adapter.shared.down";
const UP = "adapter.shared.up";

/** The first and last layer of every residual branch, in order. */
export function layersOf({ blocks, tensors }: ModelShape): Layer[] {
  let first = 0;
  return blocks.flatMap(({ width, branches }) =>
    branches.flatMap((branch) => [branch.first, branch.last]).map((module) => {
      const [out, ...inner] = tensors.get(`${module}.weight`) ?? [];
      const size = inner.reduce((product, n) => product * n, 1);
      const layer = { module, from: size / width, to: out / width, first };
      first += layer.from * layer.to;
      return layer;
    })
  );
}

/** The options of both; `rank` as usual for the decomposition. */
export function factOptions(rank: number): OptionSpec[] {
  return [
    {
      name: "rank",
      kind: "integer",
      default: rank,
      minimum: 1,
      help: "rank r of the factors that all layers share",
    },
    {
      name: "scale",
      kind: "number",
      default: 1,
      help: "factor s on the increments",
    },
    {
      name: "dropout",
      kind: "number",
      default: 0.1,
      minimum: 0,
      below: 1,
      help: "dropout before the last factor while training",
    },
  ];
}

/** Refuses models that U and V cannot serve. */
export function checkFact(model: ModelShape): void {
  const widths = [...new Set(model.blocks.map(({ width }) => width))];
  if (widths.length > 1) {
    throw new RangeError(
      `Cannot build FacT's shared factors: got widths ${widths.join(", ")}, ` +
        `wanted one width`,
    );
  }
  const odd = layersOf(model).find(({ from, to }) =>
    !Number.isInteger(from) || !Number.isInteger(to) || from > 1 && to > 1
  );
  if (!odd) return;
  throw new RangeError(
    `Cannot build FacT's cores: got ${odd.module} with ` +
      `[${model.tensors.get(`${odd.module}.weight`)}], wanted one of its ` +
      `sides to be the width ${widths[0]} and the other a multiple of it`,
  );
}

/** U, as PyTorch starts a linear layer, and V, zero. */
export function sharedFactors(
  rank: number,
  { blocks: [{ width }] }: ModelShape,
): MethodTensor[] {
  return [
    {
      name: DOWN,
      shape: [width, rank],
      init: { kind: "uniform", bound: 1 / Math.sqrt(width) },
    },
    {
      name: UP,
      shape: [rank, width],
      init: { kind: "constant", value: 0 },
    },
  ];
}

/**
 * The forward pass.
 *
 * @param core Gives the cores of a layer, `[from · r, to · r]`.
 */
export function factHooks(
  { options, model, tensor, dropout }: HookContext,
  core: (layer: Layer) => Value,
): Hooks {
  const layers = new Map(layersOf(model).map((layer) => [layer.module, layer]));
  const [s, rate] = [Number(options.scale), Number(options.dropout)];
  return {
    output(module) {
      const layer = layers.get(module);
      if (!layer) return undefined;
      return (y, x) => {
        const { graph } = x;
        const [width, rank] = tensor(DOWN).shape;
        const rows = x.count / (layer.from * width);
        const pieces = graph.reshape(x, [rows * layer.from, width]);
        const low = product(pieces, tensor(DOWN));
        const entering = graph.reshape(low, [rows, layer.from * rank]);
        const mixed = dropout(product(entering, core(layer)), rate);
        const plus = product(
          graph.reshape(mixed, [rows * layer.to, rank]),
          tensor(UP),
          {
            alpha: s,
            residual: graph.reshape(y, [rows * layer.to, width]),
          },
        );
        return graph.reshape(plus, y.shape);
      };
    },
  };
}

/**
 * Adds the increments to the weights.
 *
 * @param core Gives the cores of a layer, `[from · r, to · r]`.
 */
export function mergeFact(
  { options, model, tensor, backbone }: MergeContext,
  core: (layer: Layer) => ArrayLike<number>,
): Map<string, Float32Array> {
  const [rank, scale] = [Number(options.rank), Number(options.scale)];
  const [down, up] = [tensor(DOWN), tensor(UP)];
  const width = down.length / rank;
  const merged = new Map<string, Float32Array>();
  for (const layer of layersOf(model)) {
    const { module, from, to } = layer;
    const weight = Float32Array.from(backbone(`${module}.weight`));
    const cores = core(layer);
    for (let b = 0; b < to; b++) {
      const part = weight.subarray(
        b * width * from * width,
        (b + 1) * width * from * width,
      );
      const left = timesCores(down, cores, { rank, from, to, b });
      part.set(addBeside(part, { down: left, up, rank, scale }));
    }
    merged.set(`${module}.weight`, weight);
  }
  return merged;
}

/** U G[a, b] for all a, below each other: `[from · width, rank]`. */
function timesCores(
  down: ArrayLike<number>,
  cores: ArrayLike<number>,
  { rank, from, to, b }: { rank: number; from: number; to: number; b: number },
): Float64Array {
  const width = down.length / rank;
  const left = new Float64Array(from * width * rank);
  for (let a = 0; a < from; a++) {
    for (let i = 0; i < width; i++) {
      for (let p = 0; p < rank; p++) {
        for (let q = 0; q < rank; q++) {
          left[(a * width + i) * rank + q] += down[i * rank + p] *
            cores[(a * rank + p) * to * rank + b * rank + q];
        }
      }
    }
  }
  return left;
}
