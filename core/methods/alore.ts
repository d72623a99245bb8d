/**
 * ALoRE: aggregated low-rank experts in a space built by Kronecker products.
 *
 * Before the attention and before the MLP of every block stands
 *
 *     h = x + s · x Δ,   Δ = Σₑ Sₑ ⊗ (Dₑ Uₑ)
 *
 * with n experts of rank r. D and U belong to one adapter, S (n³ numbers) to the
 * whole network. Everything is linear, so W ← W (I + s Δ)ᵀ folds an adapter into
 * the layer that follows it.
 *
 * Source: Du et al., Efficient Visual Adaptation via Aggregating Low Rank
 * Experts, arXiv 2412.08341. The start is chosen here: U is zero, so that the
 * first forward pass is the frozen model's; D and S are Xavier uniform.
 *
 * @module
 */

import { aggregateExperts } from "../ops/experts.ts";
import { hinted } from "../errors.ts";
import type {
  Hooks,
  MergeContext,
  Method,
  MethodOptions,
  MethodTensor,
  ModelShape,
} from "./method.ts";

const SCALE = "adapter.shared.experts.scale";

/** The method. */
export const alore: Method = {
  name: "alore",
  summary: "aggregated low-rank experts, folded away after training",
  source: "Du et al., arXiv 2412.08341",
  // The best of eight on the validation images of the demo.
  lr: 3e-3,
  options: [
    {
      name: "experts",
      kind: "integer",
      default: 4,
      minimum: 1,
      help: "experts per adapter; must divide the width",
    },
    {
      name: "rank",
      kind: "integer",
      default: 4,
      minimum: 1,
      help: "rank of each expert",
    },
    {
      name: "place",
      kind: "choice",
      default: "both",
      choices: ["attn", "mlp", "both"],
      help: "adapters before the attention, the MLP, or both",
    },
    {
      name: "scale",
      kind: "number",
      default: 1,
      help: "factor s on the experts",
    },
    {
      name: "dropout",
      kind: "number",
      default: 0,
      minimum: 0,
      below: 1,
      help: "dropout on what enters the experts while training",
    },
  ],
  check({ experts }, { blocks }): void {
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
  hooks({ options, model, tensor, dropout }): Hooks {
    const sites = new Map(
      sitesOf(options, model).map((site) => [site.module, site.name]),
    );
    const [s, rate] = [Number(options.scale), Number(options.dropout)];
    return {
      input(module, x) {
        const site = sites.get(module);
        if (!site) return x;
        const experts = {
          down: tensor(`adapter.${site}.down`),
          up: tensor(`adapter.${site}.up`),
          scale: tensor(SCALE),
        };
        const entering = dropout(x, rate);
        return aggregateExperts(entering, experts, { s, residual: x });
      },
    };
  },
  merge(context): Map<string, Float32Array> {
    const merged = new Map<string, Float32Array>();
    for (const site of sitesOf(context.options, context.model)) {
      const weight = context.backbone(`${site.module}.weight`);
      merged.set(`${site.module}.weight`, foldSite(context, site, weight));
    }
    return merged;
  },
};

/** An adapter: its name, the layer that follows it, and its width. */
interface Site {
  readonly name: string;
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
  const [n, r] = [Number(options.experts), Number(options.rank)];
  const xavier = (fanIn: number, fanOut: number) =>
    ({ kind: "uniform", bound: Math.sqrt(6 / (fanIn + fanOut)) }) as const;
  const list: MethodTensor[] = [
    { name: SCALE, shape: [n, n, n], init: xavier(n, n) },
  ];
  for (const { name, width } of sitesOf(options, model)) {
    const chunk = width / n;
    list.push(
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
    );
  }
  return list;
}

/** W + s · W Δᵀ row by row in float64, without forming Δ. */
function foldSite(
  { options, tensor }: MergeContext,
  { name, width }: Site,
  weight: Float32Array,
): Float32Array {
  const [n, r] = [Number(options.experts), Number(options.rank)];
  const chunk = width / n;
  const [down, up, scale] = [
    tensor(`adapter.${name}.down`),
    tensor(`adapter.${name}.up`),
    tensor(SCALE),
  ];
  const low = new Float64Array(n * n * r); // [out chunk b, expert, rank]
  const folded = new Float32Array(weight.length);
  for (let row = 0; row < weight.length; row += width) {
    low.fill(0);
    for (let b = 0; b < n; b++) {
      for (let er = 0; er < n * r; er++) {
        let sum = 0;
        for (let q = 0; q < chunk; q++) {
          sum += weight[row + b * chunk + q] * up[er * chunk + q];
        }
        low[b * n * r + er] = sum;
      }
    }
    for (let a = 0; a < n; a++) {
      const mixed = mixInto(scale, low, { n, r, a });
      for (let p = 0; p < chunk; p++) {
        let sum = 0;
        for (let er = 0; er < n * r; er++) {
          const e = Math.floor(er / r);
          sum += mixed[er] * down[(e * chunk + p) * r + er % r];
        }
        const at = row + a * chunk + p;
        folded[at] = weight[at] + Number(options.scale) * sum;
      }
    }
  }
  return folded;
}

/** mixed[e] = Σ_b Sₑ[a, b] low[b, e]. */
function mixInto(
  scale: Float32Array,
  low: Float64Array,
  { n, r, a }: { n: number; r: number; a: number },
): Float64Array {
  return Float64Array.from({ length: n * r }, (_, er) => {
    const e = Math.floor(er / r);
    let sum = 0;
    for (let b = 0; b < n; b++) {
      sum += scale[(e * n + a) * n + b] * low[b * n * r + er];
    }
    return sum;
  });
}
