/**
 * Vision transformer with timm's semantics and tensor names.
 *
 *     x = concat(cls_token, patch_embed(images)) + pos_embed
 *     x = norm_pre(concat(x[:, :1], reg_token, x[:, 1:]))     where they are
 *     x = x + proj(attention(qkv(norm1(x))))        in every block
 *     x = x + fc2(gelu(fc1(norm2(x))))
 *     logits = head(norm(x)[:, 0])
 *
 * Source: Dosovitskiy et al., An Image is Worth 16x16 Words, 2021.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import type { BranchShape, ModelShape } from "../methods/method.ts";
import { attention } from "../ops/attention.ts";
import { insertTokens } from "../ops/insert_tokens.ts";
import { patches } from "../ops/patches.ts";
import { quickGelu } from "../ops/quick_gelu.ts";
import { embedTokens, takeTokens } from "../ops/tokens.ts";
import type {
  Architecture,
  BackboneTensor,
  ImageConfig,
  Trace,
} from "./architecture.ts";
import { checkEps, checkWhole, refuse } from "./check_sizes.ts";
import { addBranch, linearLayer, normLayer, TensorList } from "./layers.ts";

/** Sizes of a vision transformer. */
export interface VitConfig extends ImageConfig {
  /** Tells it from the sizes of other architectures. */
  readonly architecture: "vit";
  /** Height and width of a patch, in pixels; it divides the image size. */
  readonly patchSize: number;
  /** A multiple of the heads. */
  readonly width: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Attention heads; divides the width. */
  readonly heads: number;
  /** Width of the hidden layer of each MLP, usually 4 times the width. */
  readonly mlpHidden: number;
  /** Of every layer norm; timm uses 1e-6. */
  readonly eps: number;
  /**
   * Tokens between the class token and the patches that belong to no place, as
   * in DINOv2 with registers; left out, none.
   */
  readonly registers?: number;
  /** A layer norm before the first block, as in CLIP; left out, none. */
  readonly preNorm?: boolean;
  /** Inside the MLPs; left out, the exact GELU. */
  readonly activation?: Activation;
}

/** The non-linearity of the MLPs: the exact GELU, or OpenAI's approximation. */
export type Activation = "gelu" | "quick_gelu";

/** The architecture. */
export const vit: Architecture<VitConfig> = {
  name: "vit",
  check,
  tensors,
  shape,
  trace,
};

function check(config: VitConfig): void {
  const { architecture: _, eps, registers = 0, preNorm: __, ...rest } = config;
  const { activation = "gelu", ...sizes } = rest;
  if (activation !== "gelu" && activation !== "quick_gelu") {
    refuse(`the activation "${activation}"`, "gelu or quick_gelu");
  }
  if (!Number.isInteger(registers) || registers < 0) {
    refuse(`${registers} registers`, "a whole number from 0");
  }
  checkWhole(sizes);
  checkEps(eps);
  const { imageSize, patchSize, width, heads } = config;
  if (imageSize % patchSize !== 0) {
    refuse(
      `image size ${imageSize} and patch size ${patchSize}`,
      "a multiple of the patch size",
    );
  }
  if (width % heads !== 0) {
    refuse(`width ${width} and ${heads} heads`, "a multiple of the heads");
  }
}

/** Number of tokens that have a position: the class token and the patches. */
export function positionCount(config: VitConfig): number {
  return (config.imageSize / config.patchSize) ** 2 + 1;
}

/** Number of tokens, the class token and registers included. */
export function tokenCount(config: VitConfig): number {
  return positionCount(config) + (config.registers ?? 0);
}

function tensors(config: VitConfig): Map<string, BackboneTensor> {
  const { width, depth, mlpHidden, classes, channels, patchSize } = config;
  const list = new TensorList();
  const tiny = { kind: "normal", std: 1e-6 } as const;
  list.put("cls_token", [1, 1, width], tiny);
  if (config.registers) {
    list.put("reg_token", [1, config.registers, width], tiny);
  }
  list.weight("pos_embed", [1, positionCount(config), width]);
  const kernel = [width, channels, patchSize, patchSize];
  list.convolution("patch_embed.proj", kernel);
  if (config.preNorm) list.norm("norm_pre", width);
  for (let block = 0; block < depth; block++) {
    list.norm(`blocks.${block}.norm1`, width);
    list.layer(`blocks.${block}.attn.qkv`, [3 * width, width]);
    list.layer(`blocks.${block}.attn.proj`, [width, width]);
    list.norm(`blocks.${block}.norm2`, width);
    list.layer(`blocks.${block}.mlp.fc1`, [mlpHidden, width]);
    list.layer(`blocks.${block}.mlp.fc2`, [width, mlpHidden]);
  }
  list.norm("norm", width);
  list.layer("head", [classes, width]);
  return list.tensors;
}

function shape(config: VitConfig): ModelShape {
  const { width, depth } = config;
  const blocks = Array.from({ length: depth }, (_, i) => `blocks.${i}`)
    .map((name) => ({ name, width, branches: branches(name) }));
  const sizes = [...tensors(config)].map(([name, { shape }]) =>
    [name, shape] as const
  );
  return { width, head: "head", blocks, tensors: new Map(sizes) };
}

function branches(block: string): BranchShape[] {
  return [
    {
      name: `${block}.attn`,
      kind: "attn",
      norm: `${block}.norm1`,
      first: `${block}.attn.qkv`,
      last: `${block}.attn.proj`,
    },
    {
      name: `${block}.mlp`,
      kind: "mlp",
      norm: `${block}.norm2`,
      first: `${block}.mlp.fc1`,
      last: `${block}.mlp.fc2`,
    },
  ];
}

function trace(trace: Trace<VitConfig>): Value {
  const { config, images, tensor, hooks } = trace;
  const { eps, depth, heads, width } = config;
  const cut = patches(images, config.patchSize);
  const embedded = linearLayer(trace, "patch_embed.proj", cut);
  let x = embedTokens(embedded, tensor("cls_token"), tensor("pos_embed"));
  if (config.registers) x = insertTokens(x, tensor("reg_token"), { start: 1 });
  if (config.preNorm) x = normLayer(trace, "norm_pre", x, eps);
  for (let block = 0; block < depth; block++) {
    x = hooks.tokens?.(block, x) ?? x;
    const last = block === depth - 1;
    const name = `blocks.${block}`;
    const normal = normLayer(trace, `${name}.norm1`, x, eps);
    const qkv = linearLayer(trace, `${name}.attn.qkv`, normal);
    let mixed = attention(qkv, heads);
    if (last) {
      // Only the class token is read from here on.
      mixed = takeTokens(mixed, 0, 1);
      x = takeTokens(x, 0, 1);
    }
    const attn = { name: `${name}.attn`, index: 2 * block };
    x = addBranch(
      trace,
      attn,
      x,
      (options) => linearLayer(trace, `${name}.attn.proj`, mixed, options),
    );
    const mlp = { name: `${name}.mlp`, index: 2 * block + 1 };
    x = addBranch(trace, mlp, x, (options) => {
      const entering = normLayer(trace, `${name}.norm2`, x, eps);
      const hidden = activate(trace, `${name}.mlp.fc1`, entering);
      return linearLayer(trace, `${name}.mlp.fc2`, hidden, options);
    });
  }
  const features = normLayer(trace, "norm", x, eps);
  const flat = x.graph.reshape(features, [images.shape[0], width]);
  return linearLayer(trace, "head", flat);
}

/** A linear layer and its activation, which only the exact GELU fuses. */
function activate(trace: Trace<VitConfig>, module: string, x: Value): Value {
  return trace.config.activation === "quick_gelu"
    ? quickGelu(linearLayer(trace, module, x))
    : linearLayer(trace, module, x, { activation: "gelu" });
}
