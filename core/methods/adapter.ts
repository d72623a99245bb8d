/**
 * Adapter: a bottleneck behind the MLP of every block, or behind the attention
 * too, inside the residual branch.
 *
 *     m = mlp(norm2(x)),   x = x + m + s · (gelu(m D + b) U + c)
 *
 * D is `[width, hidden]`, U `[hidden, width]`; b and c are their biases.
 *
 * Source: Houlsby et al., Parameter-Efficient Transfer Learning for NLP, 2019,
 * for both positions; Pfeiffer et al., AdapterFusion, 2021, for the second
 * alone. Defaults and start are those of NOAH's code for vision transformers
 * (model/module/adapter_super.py): 8 hidden features, dropout 0.1 behind the
 * activation, D and U Xavier uniform, biases normal with 1e-6, so that it does
 * not start as the identity. GELU is the exact one, as in VPT's adapters; NOAH
 * approximates it by x · sigmoid(1.702 x).
 *
 * @module
 */

import { applyGelu } from "../ops/gelu.ts";
import {
  addBottleneck,
  bottleneckTensors,
  branchSites,
  type Site,
  xavier,
} from "./bottleneck.ts";
import type { Hooks, Method, MethodOptions, ModelShape } from "./method.ts";

/** The method. */
export const adapter: Method = {
  name: "adapter",
  summary: "a GELU bottleneck behind each MLP, or each branch",
  source: "Houlsby et al., arXiv 1902.00751",
  // AdamW on VTAB-1k as in NOAH.
  lr: 1e-3,
  options: [
    {
      name: "hidden",
      kind: "integer",
      default: 8,
      minimum: 1,
      help: "features inside each bottleneck",
    },
    {
      name: "place",
      kind: "choice",
      default: "pfeiffer",
      choices: ["pfeiffer", "houlsby"],
      help: "behind the MLP, or behind the attention and the MLP",
    },
    {
      name: "scale",
      kind: "number",
      default: 1,
      help: "factor s on the bottleneck",
    },
    {
      name: "dropout",
      kind: "number",
      default: 0.1,
      minimum: 0,
      below: 1,
      help: "dropout inside the bottleneck while training",
    },
  ],
  trains: () => false,
  tensors: (options, model) =>
    sitesOf(options, model).flatMap((site) => {
      const hidden = Number(options.hidden);
      const both = xavier(site.width, hidden);
      const bias = { kind: "normal", std: 1e-6 } as const;
      return bottleneckTensors(site, hidden, { down: both, up: both, bias });
    }),
  hooks(context): Hooks {
    const { options, model } = context;
    const sites = sitesOf(options, model).map(({ name }) => name);
    return {
      branch(name) {
        if (!sites.includes(name)) return undefined;
        return (y) =>
          addBottleneck(context, name, { x: y, base: y, activate: applyGelu });
      },
    };
  },
  unmergeable: "whose GELU is not linear",
};

function sitesOf({ place }: MethodOptions, model: ModelShape): Site[] {
  return place === "houlsby"
    ? branchSites(model, "attn", "mlp")
    : branchSites(model, "mlp");
}
