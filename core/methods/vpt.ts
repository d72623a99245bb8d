/**
 * Visual prompt tuning: learned tokens between the class token and the patches.
 *
 *     shallow   x = concat(x[:, :1], P, x[:, 1:])            before block 0
 *     deep      the same, and before each later block N its p prompt tokens
 *               give way to those of P[N]
 *
 * Prompts get no position embedding. P is `[1, p, width]`, deep
 * `[depth, p, width]`.
 *
 * Source: Jia et al., Visual Prompt Tuning, 2022, and its code
 * (src/models/vit_prompt/vit.py): P starts uniform in ±√(6 / (channels · patch²
 * + width)), dropout on the prompts is 0. The paper tunes p for each task; 10
 * is chosen here.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import { hinted } from "../errors.ts";
import { insertTokens } from "../ops/insert_tokens.ts";
import { takeTokens } from "../ops/tokens.ts";
import type { HookContext, Hooks, Method, ModelShape } from "./method.ts";

const PROMPTS = "adapter.prompts";

/** Prompts before the first block. */
export const vptShallow: Method = prompting({
  name: "vpt-shallow",
  summary: "learned tokens before the first block",
  deep: false,
});

/** Prompts before every block. */
export const vptDeep: Method = prompting({
  name: "vpt-deep",
  summary: "learned tokens before every block",
  deep: true,
});

function prompting(
  { name, summary, deep }: { name: string; summary: string; deep: boolean },
): Method {
  return {
    name,
    summary,
    source: "Jia et al., arXiv 2203.12119",
    // AdamW on VTAB-1k as in NOAH; the authors search SGD's rate for each task.
    lr: 1e-3,
    options: [
      {
        name: "prompts",
        kind: "integer",
        default: 10,
        minimum: 1,
        help: deep ? "prompt tokens in each block" : "prompt tokens",
      },
      {
        name: "dropout",
        kind: "number",
        default: 0,
        minimum: 0,
        below: 1,
        help: "dropout on the prompts while training",
      },
    ],
    check: (_options, model) => checkTokens(name, model),
    trains: () => false,
    tensors({ prompts }, { blocks, width, tensors }) {
      const [, ...kernel] = tensors.get("patch_embed.proj.weight") ?? [];
      const fan = kernel.reduce((product, size) => product * size, 1);
      return [{
        name: PROMPTS,
        shape: [deep ? blocks.length : 1, Number(prompts), width],
        init: { kind: "uniform", bound: Math.sqrt(6 / (fan + width)) },
      }];
    },
    hooks: (context): Hooks => ({
      tokens: (block, x) =>
        block === 0 || deep ? promptBlock(context, block, x) : x,
    }),
    unmergeable: "whose prompts are more tokens",
  };
}

function promptBlock(context: HookContext, block: number, x: Value): Value {
  const { options, tensor, dropout } = context;
  const all = tensor(PROMPTS);
  const [sets, count, width] = all.shape;
  const prompts = sets === 1 ? all : x.graph.reshape(
    takeTokens(x.graph.reshape(all, [1, sets, count * width]), block, 1),
    [1, count, width],
  );
  const skip = block === 0 ? 0 : count;
  const y = insertTokens(x, prompts, { start: 1, skip });
  // The masks of two images differ, so that prompts are dropped once they are
  // there for each.
  const each = takeTokens(y, 1, count);
  const dropped = dropout(each, Number(options.dropout));
  if (dropped === each) return y;
  return insertTokens(y, dropped, { start: 1, skip: count });
}

function checkTokens(name: string, model: ModelShape): void {
  const { blocks, tensors } = model;
  const plain = tensors.has("cls_token") &&
    tensors.has("patch_embed.proj.weight");
  if (plain && blocks.every(({ width }) => width === model.width)) return;
  throw hinted(
    new RangeError(
      `Cannot put prompts into the model (${name}): got one without a class ` +
        `token or with several widths, wanted a plain vision transformer`,
    ),
    "alore, lora and ssf work on every model",
  );
}
