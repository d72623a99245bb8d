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

import type { Shape, Value } from "../graph/graph.ts";
import type { BranchShape, Init, ModelShape } from "../methods/method.ts";
import { attention } from "../ops/attention.ts";
import { addScaledRows } from "../ops/dropout.ts";
import { add } from "../ops/elementwise.ts";
import { applyGelu } from "../ops/gelu.ts";
import { insertTokens } from "../ops/insert_tokens.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import { linear, type LinearOptions } from "../ops/matmul.ts";
import { patches } from "../ops/patches.ts";
import { quickGelu } from "../ops/quick_gelu.ts";
import { embedTokens, takeTokens } from "../ops/tokens.ts";
import type {
  Architecture,
  BackboneTensor,
  ImageConfig,
  Trace,
} from "./architecture.ts";

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
    throw new RangeError(
      `Cannot build the model: got the activation "${activation}", wanted ` +
        "gelu or quick_gelu",
    );
  }
  if (!Number.isInteger(registers) || registers < 0) {
    throw new RangeError(
      `Cannot build the model: got ${registers} registers, wanted a whole ` +
        `number from 0`,
    );
  }
  for (const [name, size] of Object.entries(sizes)) {
    if (Number.isInteger(size) && size > 0) continue;
    throw new RangeError(
      `Cannot build the model: got ${name} ${size}, wanted a whole number ` +
        `above 0`,
    );
  }
  if (!(eps > 0)) {
    throw new RangeError(`Cannot build the model: got eps ${eps}, wanted > 0`);
  }
  const { imageSize, patchSize, width, heads } = config;
  if (imageSize % patchSize !== 0) {
    throw new RangeError(
      `Cannot build the model: got image size ${imageSize} and patch size ` +
        `${patchSize}, wanted a multiple of the patch size`,
    );
  }
  if (width % heads !== 0) {
    throw new RangeError(
      `Cannot build the model: got width ${width} and ${heads} heads, wanted ` +
        `a multiple of the heads`,
    );
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
  const found = new Map<string, BackboneTensor>();
  const put = (name: string, shape: Shape, init: Init): void => {
    found.set(name, { shape, init });
  };
  const zeros: Init = { kind: "constant", value: 0 };
  const small: Init = { kind: "truncated_normal", std: 0.02 };
  const layer = (name: string, out: number, from: number): void => {
    put(`${name}.weight`, [out, from], small);
    put(`${name}.bias`, [out], zeros);
  };
  const norm = (name: string): void => {
    put(`${name}.weight`, [width], { kind: "constant", value: 1 });
    put(`${name}.bias`, [width], zeros);
  };
  put("cls_token", [1, 1, width], { kind: "normal", std: 1e-6 });
  if (config.registers) {
    put("reg_token", [1, config.registers, width], {
      kind: "normal",
      std: 1e-6,
    });
  }
  put("pos_embed", [1, positionCount(config), width], small);
  // PyTorch's default for a convolution: uniform in ±1 / √(fan in).
  const fan = channels * patchSize ** 2;
  const kernel = [width, channels, patchSize, patchSize];
  const uniform: Init = { kind: "uniform", bound: 1 / Math.sqrt(fan) };
  put("patch_embed.proj.weight", kernel, uniform);
  put("patch_embed.proj.bias", [width], uniform);
  if (config.preNorm) norm("norm_pre");
  for (let block = 0; block < depth; block++) {
    norm(`blocks.${block}.norm1`);
    layer(`blocks.${block}.attn.qkv`, 3 * width, width);
    layer(`blocks.${block}.attn.proj`, width, width);
    norm(`blocks.${block}.norm2`);
    layer(`blocks.${block}.mlp.fc1`, mlpHidden, width);
    layer(`blocks.${block}.mlp.fc2`, width, mlpHidden);
  }
  norm("norm");
  layer("head", classes, width);
  return found;
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
  const cut = patches(images, config.patchSize);
  const embedded = layer(trace, "patch_embed.proj", cut);
  let x = embedTokens(embedded, tensor("cls_token"), tensor("pos_embed"));
  if (config.registers) x = insertTokens(x, tensor("reg_token"), { start: 1 });
  if (config.preNorm) x = norm(trace, "norm_pre", x);
  for (let block = 0; block < config.depth; block++) {
    x = hooks.tokens?.(block, x) ?? x;
    const last = block === config.depth - 1;
    const name = `blocks.${block}`;
    const normal = norm(trace, `${name}.norm1`, x);
    const qkv = layer(trace, `${name}.attn.qkv`, normal);
    let mixed = attention(qkv, config.heads);
    if (last) {
      // Only the class token is read from here on.
      mixed = takeTokens(mixed, 0, 1);
      x = takeTokens(x, 0, 1);
    }
    x = residual(
      trace,
      `${name}.attn`,
      x,
      (options) => layer(trace, `${name}.attn.proj`, mixed, options),
    );
    x = residual(trace, `${name}.mlp`, x, (options) => {
      const entering = norm(trace, `${name}.norm2`, x);
      const hidden = activate(trace, `${name}.mlp.fc1`, entering);
      return layer(trace, `${name}.mlp.fc2`, hidden, options);
    });
  }
  const features = norm(trace, "norm", x);
  const flat = x.graph.reshape(features, [images.shape[0], config.width]);
  return layer(trace, "head", flat);
}

/** A linear layer and its activation, which only the exact GELU fuses. */
function activate(trace: Trace<VitConfig>, module: string, x: Value): Value {
  return trace.config.activation === "quick_gelu"
    ? quickGelu(layer(trace, module, x))
    : layer(trace, module, x, { activation: "gelu" });
}

/** A linear layer between the method's hooks, fused where they leave it alone. */
function layer(
  { config, tensor, hooks }: Trace<VitConfig>,
  module: string,
  x: Value,
  options: LinearOptions = {},
): Value {
  const stored = tensor(`${module}.weight`);
  const fan = config.channels * config.patchSize ** 2;
  const weight = stored.shape.length === 2
    ? stored
    : x.graph.reshape(stored, [stored.shape[0], fan]);
  const bias = tensor(`${module}.bias`);
  const entering = hooks.input?.(module, x) ?? x;
  const change = hooks.output?.(module);
  if (!change) return linear(entering, weight, { ...options, bias });
  const changed = change(linear(entering, weight, { bias }), entering);
  const active = options.activation === "gelu" ? applyGelu(changed) : changed;
  return options.residual ? add(options.residual, active) : active;
}

function norm(
  { config, tensor, hooks }: Trace<VitConfig>,
  module: string,
  x: Value,
) {
  const weight = tensor(`${module}.weight`);
  const y = layerNorm(x, weight, tensor(`${module}.bias`), config.eps);
  return hooks.output?.(module)?.(y, x) ?? y;
}

/** Adds a branch to the stream, inside its last layer where nothing is between. */
function residual(
  { hooks, dropPath, config }: Trace<VitConfig>,
  name: string,
  stream: Value,
  branch: (options: LinearOptions) => Value,
): Value {
  const change = hooks.branch?.(name);
  if (!change && !dropPath) return branch({ residual: stream });
  const plain = branch({});
  const y = change ? change(plain, stream) : plain;
  if (!dropPath) return add(stream, y);
  const graph = stream.graph;
  const rows = 2 * config.depth;
  const batch = stream.shape[0];
  const [, block, kind] = name.split(".");
  const row = 2 * Number(block) + Number(kind === "mlp");
  const table = graph.reshape(dropPath, [1, rows, batch]);
  const scale = graph.reshape(takeTokens(table, row, 1), [batch]);
  return addScaledRows(y, scale, stream);
}
