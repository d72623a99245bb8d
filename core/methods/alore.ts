/**
 * ALoRE: aggregated low-rank experts in a space built by Kronecker products.
 *
 * Before the attention and before the MLP of every block stands
 *
 *     h = x + s · x Δ,   Δ = Σₑ Sₑ ⊗ (Dₑ Uₑ)
 *
 * with n experts of rank r. D `[n, width / n, r]` and U `[n, r, width / n]`
 * belong to one adapter, S `[n, n, n]` to the whole network. Everything is
 * linear, so W ← W (I + s Δ)ᵀ folds an adapter into the layer that follows it.
 *
 * A ConvNeXt has no attention, and an adapter before the depthwise convolution
 * that begins a block would not fold into it: the adapter joins channels, which
 * the convolution keeps apart. There it stands before fc1 only.
 *
 * Source: Du et al., Efficient Visual Adaptation via Aggregating Low Rank
 * Experts, arXiv 2412.08341, whose 0.15M parameters on ViT-B/16 are rank 4. What
 * else is known of it gives no start, n, s or dropout; they are chosen here: U is
 * zero, so that the first forward pass is the frozen model's; D and S are Xavier
 * uniform; n = 4, s = 1, no dropout.
 *
 * Options beyond the paper, whose setting is the default of each: adapters after
 * the last layer of a branch; S shared by the adapters of a kind, or by none; S
 * or s as they start or trained; and dropping whole experts while training.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import type { Value } from "../graph/graph.ts";
import { aggregateExperts } from "../ops/aggregate_experts.ts";
import { product } from "../ops/matmul.ts";
import { checkPlace } from "./check_place.ts";
import { foldAfter, foldBefore } from "./alore_fold.ts";
import { aloreOptions } from "./alore_options.ts";
import type {
  HookContext,
  Hooks,
  MergeContext,
  Method,
  MethodOptions,
  MethodTensor,
  ModelShape,
} from "./method.ts";

/** The method. */
export const alore: Method = {
  name: "alore",
  summary: "aggregated low-rank experts, folded away after training",
  source: "Du et al., arXiv 2412.08341",
  // The best of eight on the validation images of the demo.
  lr: 3e-3,
  options: aloreOptions,
  check({ experts, place }, model): void {
    const { blocks } = model;
    checkPlace("ALoRE adapters", place, model);
    const width = blocks.map((block) => block.width)
      .find((size) => size % Number(experts) !== 0);
    if (width === undefined) return;
    const divisors = Array.from({ length: width }, (_, i) => i + 1)
      .filter((i) => width % i === 0);
    const list = divisors.slice(0, 8).join(", ");
    throw hinted(
      new RangeError(
        `Cannot build the ALoRE adapters: got ${experts} experts for a ` +
          `width of ${width}, wanted a divisor of ${width} (${list}` +
          `${divisors.length > 8 ? ", …" : ""})`,
      ),
      "--experts 4 is the usual choice",
    );
  },
  trains: () => false,
  tensors,
  hooks(context): Hooks {
    const { options, model } = context;
    const sites = new Map(
      sitesOf(options, model).map((site) => [site.module, site]),
    );
    return {
      input(module, x) {
        const site = sites.get(module);
        return site && !site.after ? adapted(context, site, x) : x;
      },
      output(module) {
        const site = sites.get(module);
        return site?.after ? (y) => adapted(context, site, y) : undefined;
      },
    };
  },
  merge,
};

/** An adapter. */
interface Site {
  /** Of its tensors, after `adapter.`. */
  readonly name: string;
  /** The layer that it stands before, or after. */
  readonly module: string;
  readonly after: boolean;
  readonly width: number;
  /** Of S, after `adapter.`; adapters that share it have the same. */
  readonly mix: string;
}

function sitesOf(options: MethodOptions, { blocks }: ModelShape): Site[] {
  const { place, share } = options;
  const after = place === "after";
  return blocks.flatMap(({ width, branches }) =>
    branches.filter(({ kind }) => after || place === "both" || place === kind)
      .map(({ name, kind, first, last }) => ({
        name,
        module: after ? last : first,
        after,
        width,
        mix: share === "adapter"
          ? name
          : share === "kind"
          ? `shared.${kind}`
          : "shared",
      }))
  );
}

function mixName({ mix }: Site): string {
  return `adapter.${mix}.experts.scale`;
}

function tensors(options: MethodOptions, model: ModelShape): MethodTensor[] {
  const [n, r] = [Number(options.experts), Number(options.rank)];
  const sites = sitesOf(options, model);
  const xavier = (fanIn: number, fanOut: number) =>
    ({ kind: "uniform", bound: Math.sqrt(6 / (fanIn + fanOut)) }) as const;
  const mixes = [...new Set(sites.map(mixName))].map((name): MethodTensor => ({
    name,
    shape: [n, n, n],
    init: xavier(n, n),
    fixed: options.mix === "fixed",
  }));
  const own = sites.flatMap(({ name, width }): MethodTensor[] => {
    const chunk = width / n;
    return [
      {
        name: `adapter.${name}.down`,
        shape: [n, chunk, r],
        init: xavier(chunk, r),
      },
      {
        name: `adapter.${name}.up`,
        shape: [n, r, chunk],
        init: { kind: "constant", value: 0 },
      },
    ];
  });
  const factors = sites.map(({ name }): MethodTensor => ({
    name: `adapter.${name}.factor`,
    shape: [1],
    init: { kind: "constant", value: Number(options.scale) },
  }));
  return [...mixes, ...own, ...options.scaling === "learned" ? factors : []];
}

function adapted(
  { options, tensor, dropout }: HookContext,
  site: Site,
  x: Value,
): Value {
  const { experts, expertDropout, scaling } = options;
  const up = tensor(`adapter.${site.name}.up`);
  const learned = scaling === "learned";
  const scale = tensor(mixName(site));
  const tensors = {
    down: tensor(`adapter.${site.name}.down`),
    up: learned ? times(up, tensor(`adapter.${site.name}.factor`)) : up,
    // S lies expert by expert, n² numbers each.
    scale: dropout(scale, Number(expertDropout), Number(experts) ** 2),
  };
  return aggregateExperts(dropout(x, Number(options.dropout)), tensors, {
    s: learned ? 1 : Number(options.scale),
    residual: x,
  });
}

/** A tensor times a tensor of one number: a product over a length of one. */
function times(x: Value, factor: Value): Value {
  const { graph } = x;
  const column = graph.reshape(x, [x.count, 1]);
  const y = product(column, graph.reshape(factor, [1, 1]));
  return graph.reshape(y, x.shape);
}

function merge(context: MergeContext): Map<string, Float32Array> {
  const { options, model, tensor, backbone } = context;
  const merged = new Map<string, Float32Array>();
  for (const site of sitesOf(options, model)) {
    const part = (name: string) => tensor(`adapter.${site.name}.${name}`);
    const adapter = {
      down: part("down"),
      up: part("up"),
      mix: tensor(mixName(site)),
      experts: Number(options.experts),
      rank: Number(options.rank),
      chunk: site.width / Number(options.experts),
      s: options.scaling === "learned"
        ? part("factor")[0]
        : Number(options.scale),
    };
    const [weight, bias] = [`${site.module}.weight`, `${site.module}.bias`];
    if (site.after) {
      merged.set(weight, foldAfter(adapter, backbone(weight)));
      // A bias is a column that the layer adds, and passes the adapter too.
      merged.set(bias, foldAfter(adapter, backbone(bias)));
    } else {
      merged.set(weight, foldBefore(adapter, backbone(weight)));
    }
  }
  return merged;
}
