/**
 * ARC: adapters that re-compose one projection for all layers.
 *
 *     h = x + dropout(x U diag(λ)) Uᵀ + b
 *
 * Between the normalisation and `qkv` or `fc1` of every block. U `[width, r]`
 * serves all attention adapters, another U all MLP adapters; λ `[r]` and b
 * `[width]` belong to one adapter. Everything is linear and folds into the layer
 * that follows.
 *
 * Source: Dong et al., Efficient Adaptation of Large Vision Transformer via
 * Adapter Re-Composing, 2023, and its code (Model/ARC_ViT.py): r = 50, dropout
 * 0.1, U Xavier uniform, b zero. λ is zero in front of the attention and Xavier
 * uniform in front of the MLP, so that it does not start as the identity;
 * another version of that file has both at zero.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import { linear, product } from "../ops/matmul.ts";
import { scaleShift } from "../ops/scale_shift.ts";
import { branchSites, type Site, xavier, ZEROS } from "./bottleneck.ts";
import { foldBefore, timesColumn } from "./low_rank.ts";
import type {
  HookContext,
  MergeContext,
  Method,
  MethodOptions,
  MethodTensor,
  ModelShape,
} from "./method.ts";

/** The method. */
export const arc: Method = {
  name: "arc",
  summary: "one projection for all layers, re-scaled by each, folded away",
  source: "Dong et al., arXiv 2310.06234",
  // AdamW on VTAB-1k as in the original code.
  lr: 1e-2,
  options: [
    {
      name: "hidden",
      kind: "integer",
      default: 50,
      minimum: 1,
      help: "features r of the shared projections",
    },
    {
      name: "place",
      kind: "choice",
      default: "both",
      choices: ["attn", "mlp", "both"],
      help: "adapters before the attention, the MLP, or both",
    },
    {
      name: "dropout",
      kind: "number",
      default: 0.1,
      minimum: 0,
      below: 1,
      help: "dropout inside the adapters while training",
    },
  ],
  check(_options, { blocks }): void {
    const widths = [...new Set(blocks.map(({ width }) => width))];
    if (widths.length === 1) return;
    throw new RangeError(
      `Cannot build ARC's shared projections: got widths ` +
        `${widths.join(", ")}, wanted one width`,
    );
  },
  trains: () => false,
  tensors,
  hooks(context) {
    const { options, model } = context;
    const sites = new Map(
      sitesOf(options, model).map((site) => [site.first, site]),
    );
    return {
      input(module, x) {
        const site = sites.get(module);
        return site ? recompose(context, site, x) : x;
      },
    };
  },
  merge,
};

function sitesOf({ place }: MethodOptions, model: ModelShape): Site[] {
  return branchSites(model, "attn", "mlp")
    .filter(({ kind }) => place === "both" || place === kind);
}

const sharedName = ({ kind }: Pick<Site, "kind">): string =>
  `adapter.shared.${kind}.down`;

function tensors(options: MethodOptions, model: ModelShape): MethodTensor[] {
  const hidden = Number(options.hidden);
  const sites = sitesOf(options, model);
  const kinds = [...new Set(sites.map(({ kind }) => kind))];
  const width = sites[0]?.width ?? 0;
  return [
    ...kinds.map((kind): MethodTensor => ({
      name: sharedName({ kind }),
      shape: [width, hidden],
      init: xavier(width, hidden),
    })),
    ...sites.flatMap(({ name, kind }): MethodTensor[] => [
      {
        name: `adapter.${name}.scale`,
        shape: [hidden],
        init: kind === "attn" ? ZEROS : xavier(hidden, 1),
      },
      { name: `adapter.${name}.bias`, shape: [width], init: ZEROS },
    ]),
  ];
}

function recompose(
  { options, tensor, dropout }: HookContext,
  site: Site,
  x: Value,
): Value {
  const up = tensor(sharedName(site));
  // U diag(λ) is smaller than the activations it would scale.
  const down = scaleShift(up, tensor(`adapter.${site.name}.scale`));
  const low = dropout(product(x, down), Number(options.dropout));
  const bias = tensor(`adapter.${site.name}.bias`);
  return x.graph.reshape(linear(low, up, { bias, residual: x }), x.shape);
}

function merge(context: MergeContext): Map<string, Float32Array> {
  const { options, model, tensor, backbone } = context;
  const rank = Number(options.hidden);
  const merged = new Map<string, Float32Array>();
  for (const site of sitesOf(options, model)) {
    const { name, first, width } = site;
    const shared = tensor(sharedName(site));
    const scale = tensor(`adapter.${name}.scale`);
    const down = Float64Array.from(shared, (u, i) => u * scale[i % rank]);
    const up = Float64Array.from(
      { length: rank * width },
      (_, i) => shared[(i % width) * rank + Math.floor(i / width)],
    );
    const weight = backbone(`${first}.weight`);
    const folded = foldBefore(weight, { down, up, rank, scale: 1 });
    merged.set(`${first}.weight`, Float32Array.from(folded));
    const shift = timesColumn(weight, tensor(`adapter.${name}.bias`));
    const bias = backbone(`${first}.bias`);
    merged.set(`${first}.bias`, bias.map((value, i) => value + shift[i]));
  }
  return merged;
}
