/**
 * Consolidator: a grouped linear layer beside every linear layer.
 *
 *     y = W x + b + drop(grouped(shuffle(x)) + c)
 *
 * beside `qkv`, `proj`, `fc1` and `fc2`. The shuffle reads the channels as a
 * table of groups × (in / groups) and goes down its columns; then each group of
 * out / groups outputs sees in / groups of them. Weights are `[out, in /
 * groups]`. It is linear and folds into a sparse increment.
 *
 * Source: Hao et al., Consolidator: Mergeable Adapter with Grouped Connections
 * for Visual Adaptation, 2023, and its code (model/vision_transformer_timm.py):
 * 384 groups for a width of 768, and here half the width of any block; weights
 * and biases uniform in ±0.001, so that it does not quite start as the identity.
 * While training, an image's branch is left out with a probability that the code
 * chooses from 0 to 0.8 for each task; 0 is the default.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { add } from "../ops/elementwise.ts";
import { groupedLinear, shuffledChannel } from "../ops/grouped_linear.ts";
import type {
  HookContext,
  Hooks,
  Init,
  MergeContext,
  Method,
  MethodOptions,
  MethodTensor,
  ModelShape,
} from "./method.ts";

const START: Init = { kind: "uniform", bound: 1e-3 };

/** The method. */
export const consolidator: Method = {
  name: "consolidator",
  summary: "grouped connections beside each layer, folded away",
  source: "Hao et al., arXiv 2305.00603",
  // The median of the original script's rates for the 19 tasks of VTAB-1k.
  lr: 2e-3,
  options: [
    {
      name: "groups",
      kind: "integer",
      default: 0,
      minimum: 0,
      help: "groups of channels, which divide both sides of every layer; 0 " +
        "for half the width, 384 of ViT-B/16",
    },
    {
      name: "dropout",
      kind: "number",
      default: 0,
      minimum: 0,
      below: 1,
      help: "share of images whose branch is left out while training",
    },
  ],
  check,
  trains: () => false,
  tensors: (options, model) =>
    layersOf(options, model).flatMap((layer): MethodTensor[] => {
      const { module, inner, out, groups } = layer;
      return [{
        name: `adapter.${module}.weight`,
        shape: [out, inner / groups],
        init: START,
      }, { name: `adapter.${module}.bias`, shape: [out], init: START }];
    }),
  hooks,
  merge,
};

interface Layer {
  readonly module: string;
  readonly inner: number;
  readonly out: number;
  readonly groups: number;
}

/** The first and last layer of every residual branch. */
function layersOf(
  options: MethodOptions,
  { blocks, tensors }: ModelShape,
): Layer[] {
  return blocks.flatMap(({ width, branches }) =>
    branches.flatMap(({ first, last }) => [first, last]).map((module) => {
      const [out, ...sizes] = tensors.get(`${module}.weight`) ?? [];
      const inner = sizes.reduce((product, size) => product * size, 1);
      const groups = Number(options.groups) || Math.floor(width / 2);
      return { module, inner, out, groups };
    })
  );
}

function check(options: MethodOptions, model: ModelShape): void {
  const odd = layersOf(options, model).find(({ inner, out, groups }) =>
    inner % groups !== 0 || out % groups !== 0
  );
  if (odd === undefined) return;
  const { module, inner, out, groups } = odd;
  throw hinted(
    new RangeError(
      `Cannot build the consolidators: got ${groups} groups for ${module}, ` +
        `which is ${inner} to ${out} features, wanted a divisor of both`,
    ),
    "--groups 0 takes half the width of each block",
  );
}

function hooks({ options, model, tensor, dropout }: HookContext): Hooks {
  const layers = new Map(
    layersOf(options, model).map(({ module, groups }) => [module, groups]),
  );
  const rate = Number(options.dropout);
  return {
    output(module) {
      const groups = layers.get(module);
      if (groups === undefined) return undefined;
      const weight = tensor(`adapter.${module}.weight`);
      const bias = tensor(`adapter.${module}.bias`);
      const settings = { groups, shuffle: true, bias };
      return (y, x) => {
        if (rate === 0) {
          return groupedLinear(x, weight, { ...settings, residual: y });
        }
        const branch = groupedLinear(x, weight, settings);
        return add(y, dropout(branch, rate, branch.count / branch.shape[0]));
      };
    },
  };
}

function merge(context: MergeContext): Map<string, Float32Array> {
  const { options, model, tensor, backbone } = context;
  const merged = new Map<string, Float32Array>();
  for (const { module, inner, out, groups } of layersOf(options, model)) {
    const weight = Float32Array.from(backbone(`${module}.weight`));
    const extra = tensor(`adapter.${module}.weight`);
    const [k, n] = [inner / groups, out / groups];
    for (let row = 0; row < out; row++) {
      for (let l = 0; l < k; l++) {
        const p = Math.floor(row / n) * k + l;
        const channel = shuffledChannel(p, groups, k);
        weight[row * inner + channel] += extra[row * k + l];
      }
    }
    merged.set(`${module}.weight`, weight);
    const shift = tensor(`adapter.${module}.bias`);
    const bias = backbone(`${module}.bias`);
    merged.set(`${module}.bias`, bias.map((value, i) => value + shift[i]));
  }
  return merged;
}
