/**
 * LoRA: a product of two thin matrices beside chosen linear layers.
 *
 *     y = x Wᵀ + b + alpha / rank · x A B
 *
 * By default beside the queries and values of every attention, or beside `fc1`
 * and `fc2` in a model without attention; keys and `proj` can be chosen too. A
 * `[in, rank]` starts as PyTorch starts a linear layer (Kaiming uniform with
 * a = √5), B `[rank, out]` at zero, as in loralib and peft; peft's defaults are
 * rank 8, alpha 8 and no dropout. Dropout is on what enters A. It is linear and
 * folds into the layer.
 *
 * Source: Hu et al., LoRA, 2021 (arXiv 2106.09685); rank 8 on q and v of vision
 * transformers as in Zhang et al., NOAH, 2022 (arXiv 2206.04673).
 *
 * @module
 */

import { hinted } from "../errors.ts";
import type { Value } from "../graph/graph.ts";
import { product } from "../ops/matmul.ts";
import { addTokens } from "../ops/tokens.ts";
import { addBeside } from "./low_rank.ts";
import type {
  BranchShape,
  HookContext,
  MergeContext,
  Method,
  MethodOptions,
  MethodTensor,
  ModelShape,
} from "./method.ts";

const TARGETS = ["q", "k", "v", "proj", "fc1", "fc2"] as const;

/** The method. */
export const lora: Method = {
  name: "lora",
  summary: "low-rank updates beside linear layers, folded away after training",
  source: "Hu et al., arXiv 2106.09685",
  // The best of 0.001, 0.003, 0.01 and 0.03 on the demo's validation images; the
  // original protocols have 1e-3 over ten times as many epochs.
  lr: 1e-2,
  options: [
    {
      name: "rank",
      kind: "integer",
      default: 8,
      minimum: 1,
      help: "rank of each update",
    },
    {
      name: "alpha",
      kind: "number",
      default: 8,
      help: "the update is multiplied by alpha / rank",
    },
    {
      name: "targets",
      kind: "list",
      default: "q,v",
      defaultFor: (model) => hasAttention(model) ? undefined : "fc1,fc2",
      choices: TARGETS,
      help: "layers that get an update (fc1,fc2 without attention)",
    },
    {
      name: "dropout",
      kind: "number",
      default: 0,
      minimum: 0,
      below: 1,
      help: "dropout on what enters the update while training",
    },
  ],
  check(options, model): void {
    const found = new Set(sitesOf(options, model).map(({ target }) => target));
    const missing = targetsOf(options).filter((target) => !found.has(target));
    if (missing.length === 0) return;
    const has = TARGETS.filter((target) =>
      sitesOf({ ...options, targets: target }, model).length > 0
    );
    throw hinted(
      new RangeError(
        `Cannot build the LoRA adapters: got the target ` +
          `${missing.join(" and ")}, wanted one that the model has`,
      ),
      `--targets ${has.join(",")}`,
    );
  },
  trains: () => false,
  tensors,
  hooks(context) {
    const sites = Map.groupBy(
      sitesOf(context.options, context.model),
      ({ module }) => module,
    );
    return {
      output(module) {
        const here = sites.get(module);
        return here &&
          ((y, x) =>
            here.reduce((sum, site) => addUpdate(context, site, sum, x), y));
      },
    };
  },
  merge,
};

/** A layer, or a third of a fused one, with an update beside it. */
interface Site {
  /** Of its tensors, after `adapter.`. */
  readonly name: string;
  readonly target: string;
  readonly module: string;
  readonly width: number;
  readonly out: number;
  /** Which of `parts` equal parts of the layer's outputs it is. */
  readonly part: number;
  readonly parts: number;
}

function hasAttention({ blocks }: ModelShape): boolean {
  return blocks.some(({ branches }) =>
    branches.some(({ kind }) => kind === "attn")
  );
}

function targetsOf({ targets }: MethodOptions): string[] {
  return String(targets).split(",");
}

function sitesOf(options: MethodOptions, model: ModelShape): Site[] {
  return model.blocks.flatMap(({ branches }) =>
    branches.flatMap((branch) =>
      targetsOf(options).flatMap((target) => siteOf(target, branch, model))
    )
  );
}

/** The site of a target in a branch, if it is there. */
function siteOf(
  target: string,
  { name, kind, first, last }: BranchShape,
  { tensors }: ModelShape,
): Site[] {
  const layer = (module: string, inside = module): Site => {
    const [out, width] = tensors.get(`${module}.weight`) ?? [0, 0];
    return { name: inside, target, module, width, out, part: 0, parts: 1 };
  };
  if (kind === "mlp") {
    if (target === "fc1") return [layer(first)];
    return target === "fc2" ? [layer(last)] : [];
  }
  if (target === "proj") return [layer(last)];
  const part = ["q", "k", "v"].indexOf(target);
  const whole = layer(first, `${name}.${target}`);
  // Attention whose queries, keys and values are one layer of three parts.
  if (part < 0 || whole.out !== 3 * whole.width) return [];
  return [{ ...whole, out: whole.width, part, parts: 3 }];
}

function tensors(options: MethodOptions, model: ModelShape): MethodTensor[] {
  const rank = Number(options.rank);
  return sitesOf(options, model).flatMap(({ name, width, out }) => [
    {
      name: `adapter.${name}.down`,
      shape: [width, rank],
      init: { kind: "uniform", bound: 1 / Math.sqrt(width) },
    },
    {
      name: `adapter.${name}.up`,
      shape: [rank, out],
      init: { kind: "constant", value: 0 },
    },
  ]);
}

function factorOf({ alpha, rank }: MethodOptions): number {
  return Number(alpha) / Number(rank);
}

/** Adds an update to its part of what leaves a layer. */
function addUpdate(
  { options, tensor, dropout }: HookContext,
  { name, out, part, parts }: Site,
  y: Value,
  x: Value,
): Value {
  const { graph } = x;
  const [down, up] = ["down", "up"].map((end) =>
    tensor(`adapter.${name}.${end}`)
  );
  const low = product(dropout(x, Number(options.dropout)), down);
  const alpha = factorOf(options);
  if (parts === 1) {
    return graph.reshape(product(low, up, { alpha, residual: y }), y.shape);
  }
  // The parts of a fused layer's outputs lie side by side, like tokens.
  const rows = low.shape[0];
  const update = graph.reshape(product(low, up, { alpha }), [rows, 1, out]);
  const whole = graph.reshape(y, [rows, parts, out]);
  return graph.reshape(addTokens(whole, update, part), y.shape);
}

function merge(context: MergeContext): Map<string, Float32Array> {
  const { options, model, tensor, backbone } = context;
  const folded = new Map<string, Float64Array>();
  for (const { name, module, width, out, part } of sitesOf(options, model)) {
    const weight = `${module}.weight`;
    const whole = folded.get(weight) ?? Float64Array.from(backbone(weight));
    const rows = whole.subarray(part * out * width, (part + 1) * out * width);
    rows.set(addBeside(rows, {
      down: tensor(`adapter.${name}.down`),
      up: tensor(`adapter.${name}.up`),
      rank: Number(options.rank),
      scale: factorOf(options),
    }));
    folded.set(weight, whole);
  }
  return new Map(
    [...folded].map(([name, values]) => [name, Float32Array.from(values)]),
  );
}
