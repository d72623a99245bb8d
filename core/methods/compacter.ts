/**
 * Compacter: adapters whose layers are sums of Kronecker products.
 *
 *     m = branch(x),   x = x + m + phm(gelu(phm(m)))
 *     phm(z) = z H + b,   H = Σᵢ Aᵢ ⊗ (Lᵢ Rᵢ)
 *
 * behind the attention and behind the MLP of every block. The n rules A
 * `[n, n, n]` serve the whole network; L `[n, in / n, r]` and R `[n, r, out / n]`
 * belong to one layer.
 *
 * Source: Mahabadi et al., Compacter: Efficient Low-Rank Hypercomplex Adapter
 * Layers, 2021, and its code (seq2seq/hypercomplex/layers.py,
 * configs/compacter.json), made for T5: n = 4, r = 1, 24 hidden features (a
 * 32nd of 768), L and R Glorot uniform with gain √2, A normal with 0.01, biases
 * zero. Nothing starts at zero, so that it does not quite start as the identity.
 * GELU is the exact one here; the code approximates it by tanh.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import { applyGelu } from "../ops/gelu.ts";
import { groupedLinear } from "../ops/grouped_linear.ts";
import { linear, product } from "../ops/matmul.ts";
import { swapAxes } from "../ops/transpose.ts";
import { branchSites, type Site, ZEROS } from "./bottleneck.ts";
import type {
  HookContext,
  Hooks,
  Init,
  Method,
  MethodOptions,
  MethodTensor,
  ModelShape,
} from "./method.ts";

const RULE = "adapter.shared.rule";

/** The method. */
export const compacter: Method = {
  name: "compacter",
  summary: "adapters of Kronecker products behind each branch",
  source: "Mahabadi et al., arXiv 2106.04647",
  // The original configuration's, for T5.
  lr: 3e-3,
  options: [
    {
      name: "hidden",
      kind: "integer",
      default: 24,
      minimum: 1,
      help: "features inside each adapter; a multiple of the products",
    },
    {
      name: "products",
      kind: "integer",
      default: 4,
      minimum: 1,
      help: "Kronecker products n of a layer; must divide the width",
    },
    {
      name: "rank",
      kind: "integer",
      default: 1,
      minimum: 1,
      help: "rank of the second factor of each product",
    },
  ],
  check({ hidden, products }, { blocks }): void {
    const sizes = [...blocks.map(({ width }) => width), Number(hidden)];
    const odd = sizes.find((size) => size % Number(products) !== 0);
    if (odd === undefined) return;
    throw new RangeError(
      `Cannot build the compacters: got ${products} products for ${odd} ` +
        `features, wanted a divisor of ${odd}`,
    );
  },
  trains: () => false,
  tensors,
  hooks(context): Hooks {
    const sites = branchSites(context.model, "attn", "mlp")
      .map(({ name }) => name);
    return {
      branch(name) {
        if (!sites.includes(name)) return undefined;
        return (y) => {
          const low = layerOf(context, `adapter.${name}.down`);
          const z = applyGelu(linear(y, low.weight, { bias: low.bias }));
          const { weight, bias } = layerOf(context, `adapter.${name}.up`);
          return linear(z, weight, { bias, residual: y });
        };
      },
    };
  },
  unmergeable: "whose GELU is not linear",
};

function tensors(options: MethodOptions, model: ModelShape): MethodTensor[] {
  const [n, hidden] = [Number(options.products), Number(options.hidden)];
  return [
    { name: RULE, shape: [n, n, n], init: { kind: "normal", std: 0.01 } },
    ...branchSites(model, "attn", "mlp").flatMap(({ name, width }: Site) => [
      ...layerTensors(options, `adapter.${name}.down`, [width, hidden]),
      ...layerTensors(options, `adapter.${name}.up`, [hidden, width]),
    ]),
  ];
}

function layerTensors(
  options: MethodOptions,
  at: string,
  [inner, out]: [inner: number, out: number],
): MethodTensor[] {
  const [n, rank] = [Number(options.products), Number(options.rank)];
  const glorot = (size: number): Init => ({
    kind: "uniform",
    bound: Math.SQRT2 * Math.sqrt(6 / (size / n + rank)),
  });
  return [
    { name: `${at}_left`, shape: [n, inner / n, rank], init: glorot(inner) },
    { name: `${at}_right`, shape: [n, rank, out / n], init: glorot(out) },
    { name: `${at}_bias`, shape: [out], init: ZEROS },
  ];
}

/** Forms Hᵀ, `[out, in]`, which is far smaller than the tokens it meets. */
function layerOf(
  { tensor }: HookContext,
  at: string,
): { weight: Value; bias: Value } {
  const [left, right] = [tensor(`${at}_left`), tensor(`${at}_right`)];
  const { graph, shape: [n, inner, rank] } = left;
  const out = right.shape[2];
  const columns = swapAxes(graph.reshape(right, [n * rank, out, 1]));
  const blocks = groupedLinear(
    graph.reshape(columns, [out, n * rank]),
    graph.reshape(left, [n * inner, rank]),
    { groups: n },
  );
  // (Lᵢ Rᵢ)ᵀ for each i, then Σᵢ Aᵢ[a, b] of them for each a and b.
  const each = swapAxes(graph.reshape(blocks, [out, n, inner]));
  const mixed = product(
    graph.reshape(tensor(RULE), [n, n * n]),
    graph.reshape(each, [n, out * inner]),
    { transA: true },
  );
  const weight = swapAxes(graph.reshape(mixed, [n, n * out, inner]));
  return {
    weight: graph.reshape(weight, [n * out, n * inner]),
    bias: tensor(`${at}_bias`),
  };
}
