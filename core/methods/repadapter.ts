/**
 * RepAdapter: a bottleneck without activation before a linear layer, its second
 * half in groups.
 *
 *     h = x + s · ((x A + a) blockdiag(B₁, …, B_g) + b)
 *
 * Between the normalisation and `qkv` or `fc1` of every block. A is `[width,
 * hidden]`, B `[groups, hidden / groups, width / groups]`; a and b are their
 * biases. Everything is linear, so it folds into the layer that follows. A
 * starts Xavier uniform, B and the biases at zero; hidden 8, 2 groups, s = 1 and
 * dropout 0.1 between the halves are the defaults of the original code, which
 * chooses s for each task from 0.1, 0.5, 1, 5 and 10.
 *
 * The original code puts them before the depthwise convolutions of a ConvNeXt,
 * where they do not fold; here they stand before fc1.
 *
 * Source: Luo et al., Towards Efficient Visual Adaption via Structural
 * Re-parameterization, 2023 (arXiv 2302.08106), luogen1996/RepAdapter.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import { product } from "../ops/matmul.ts";
import { add } from "../ops/elementwise.ts";
import { addTokens, padTokens, takeTokens } from "../ops/tokens.ts";
import { checkPlace } from "./check_place.ts";
import { foldBefore, rowTimes, timesColumn } from "./low_rank.ts";
import type {
  HookContext,
  MergeContext,
  Method,
  MethodOptions,
  MethodTensor,
  ModelShape,
} from "./method.ts";

/** The method. */
export const repadapter: Method = {
  name: "repadapter",
  summary: "grouped linear bottlenecks, folded away after training",
  source: "Luo et al., arXiv 2302.08106",
  // The best of 0.003, 0.01 and 0.03 on the demo's validation images; the
  // original code has 1e-3 over ten times as many epochs.
  lr: 1e-2,
  options: [
    {
      name: "hidden",
      kind: "integer",
      default: 8,
      minimum: 1,
      help: "width of the bottleneck; a multiple of the groups",
    },
    {
      name: "groups",
      kind: "integer",
      default: 2,
      minimum: 1,
      help: "groups of the second half",
    },
    {
      name: "place",
      kind: "choice",
      default: "both",
      choices: ["attn", "mlp", "both"],
      help: "before the attention, the MLP, or both",
    },
    { name: "scale", kind: "number", default: 1, help: "factor s" },
    {
      name: "dropout",
      kind: "number",
      default: 0.1,
      minimum: 0,
      below: 1,
      help: "dropout in the bottleneck while training",
    },
  ],
  check({ hidden, groups, place }, model): void {
    const { blocks } = model;
    checkPlace("RepAdapters", place, model);
    const sizes = [Number(hidden), ...blocks.map(({ width }) => width)];
    const odd = sizes.find((size) => size % Number(groups) !== 0);
    if (odd === undefined) return;
    throw new RangeError(
      `Cannot build the RepAdapters: got ${groups} groups for a width of ` +
        `${odd}, wanted a divisor of it`,
    );
  },
  trains: () => false,
  tensors,
  hooks(context) {
    const sites = new Map(
      sitesOf(context.options, context.model).map((site) => [
        site.module,
        site.name,
      ]),
    );
    return {
      input(module, x) {
        const site = sites.get(module);
        return site ? adapted(context, site, x) : x;
      },
    };
  },
  merge,
};

interface Site {
  readonly name: string;
  /** The layer that follows. */
  readonly module: string;
  readonly width: number;
}

function sitesOf({ place }: MethodOptions, { blocks }: ModelShape): Site[] {
  return blocks.flatMap(({ width, branches }) =>
    branches.filter(({ kind }) => place === "both" || place === kind)
      .map(({ name, first }) => ({ name, module: first, width }))
  );
}

function tensors(options: MethodOptions, model: ModelShape): MethodTensor[] {
  const [hidden, groups] = [Number(options.hidden), Number(options.groups)];
  const zeros = { kind: "constant", value: 0 } as const;
  return sitesOf(options, model).flatMap(({ name, width }) => [
    {
      name: `adapter.${name}.down`,
      shape: [width, hidden],
      init: { kind: "uniform", bound: Math.sqrt(6 / (width + hidden)) },
    },
    { name: `adapter.${name}.down_bias`, shape: [hidden], init: zeros },
    {
      name: `adapter.${name}.up`,
      shape: [groups, hidden / groups, width / groups],
      init: zeros,
    },
    { name: `adapter.${name}.up_bias`, shape: [width], init: zeros },
  ]);
}

function adapted(
  { options, tensor, dropout }: HookContext,
  site: string,
  x: Value,
): Value {
  const [down, downBias, up, upBias] = ["down", "down_bias", "up", "up_bias"]
    .map((part) => tensor(`adapter.${site}.${part}`));
  const s = Number(options.scale);
  const low = product(x, down, { bias: downBias });
  const y = product(dropout(low, Number(options.dropout)), blockDiagonal(up), {
    alpha: s,
    bias: s === 1 ? upBias : add(upBias, upBias, s - 1),
    residual: x,
  });
  return x.graph.reshape(y, x.shape);
}

/**
 * The groups as one matrix: a product with it is one pass over the tokens, and
 * it is small.
 *
 * @param up `[groups, in, out]`.
 * @returns `[groups · in, groups · out]`.
 */
function blockDiagonal(up: Value): Value {
  const { graph, shape: [groups, inner, out] } = up;
  const rows = graph.reshape(up, [1, groups, inner * out]);
  let whole: Value | undefined;
  for (let g = 0; g < groups; g++) {
    const own = graph.reshape(takeTokens(rows, g, 1), [inner, 1, out]);
    const wide = padTokens(own, g, groups);
    const part = graph.reshape(wide, [1, 1, inner * groups * out]);
    whole = whole ? addTokens(whole, part, g) : padTokens(part, g, groups);
  }
  return graph.reshape(whole!, [groups * inner, groups * out]);
}

function merge(context: MergeContext): Map<string, Float32Array> {
  const { options, model, tensor, backbone } = context;
  const [rank, scale] = [Number(options.hidden), Number(options.scale)];
  const merged = new Map<string, Float32Array>();
  for (const { name, module, width } of sitesOf(options, model)) {
    const part = (end: string) => tensor(`adapter.${name}.${end}`);
    const up = dense(part("up"), Number(options.groups), rank, width);
    const weight = backbone(`${module}.weight`);
    const folded = foldBefore(weight, { down: part("down"), up, rank, scale });
    merged.set(`${module}.weight`, Float32Array.from(folded));
    const constant = rowTimes(part("down_bias"), up)
      .map((value, i) => scale * (value + part("up_bias")[i]));
    const shift = timesColumn(weight, constant);
    const bias = backbone(`${module}.bias`);
    merged.set(`${module}.bias`, bias.map((value, i) => value + shift[i]));
  }
  return merged;
}

/** blockdiag(up) as `[hidden, width]`. */
function dense(
  up: Float32Array,
  groups: number,
  hidden: number,
  width: number,
): Float64Array {
  const [inner, out] = [hidden / groups, width / groups];
  const whole = new Float64Array(hidden * width);
  for (let g = 0; g < groups; g++) {
    for (let i = 0; i < inner; i++) {
      for (let j = 0; j < out; j++) {
        const at = (g * inner + i) * width + g * out + j;
        whole[at] = up[(g * inner + i) * out + j];
      }
    }
  }
  return whole;
}
