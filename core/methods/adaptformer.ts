/**
 * AdaptFormer: a bottleneck in parallel with the MLP of every block.
 *
 *     x = x + mlp(norm2(x)) + s · (relu(x D + b) U + c)
 *
 * It reads the stream x itself, not its normalisation. D is `[width, hidden]`,
 * U `[hidden, width]`; b and c are their biases.
 *
 * Source: Chen et al., AdaptFormer, 2022, and its code (models/adapter.py,
 * main_image.py), whose defaults these are: 64 hidden features (8 is usual on
 * VTAB-1k), s = 0.1, dropout 0.1 behind the ReLU, D Kaiming uniform with
 * a = √5, all else zero. There, drop path leaves the bottleneck out; here it
 * drops the bottleneck with the MLP.
 *
 * @module
 */

import { relu } from "../ops/relu.ts";
import {
  addBottleneck,
  bottleneckTensors,
  branchSites,
  ZEROS,
} from "./bottleneck.ts";
import type { Hooks, Method } from "./method.ts";

/** The method. */
export const adaptformer: Method = {
  name: "adaptformer",
  summary: "a ReLU bottleneck in parallel with each MLP",
  source: "Chen et al., arXiv 2205.13535",
  // AdamW as in NOAH and FacT, which compare it on VTAB-1k.
  lr: 1e-3,
  options: [
    {
      name: "hidden",
      kind: "integer",
      default: 64,
      minimum: 1,
      help: "features inside each bottleneck",
    },
    {
      name: "scale",
      kind: "number",
      default: 0.1,
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
  tensors: ({ hidden }, model) =>
    branchSites(model, "mlp").flatMap((site) =>
      bottleneckTensors(site, Number(hidden), {
        down: { kind: "uniform", bound: 1 / Math.sqrt(site.width) },
        up: ZEROS,
        bias: ZEROS,
      })
    ),
  hooks(context): Hooks {
    const sites = branchSites(context.model, "mlp").map(({ name }) => name);
    return {
      branch(name) {
        if (!sites.includes(name)) return undefined;
        return (y, stream) =>
          addBottleneck(context, name, { x: stream, base: y, activate: relu });
      },
    };
  },
  unmergeable: "whose ReLU is not linear",
};
