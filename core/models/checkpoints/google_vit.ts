import type { Shape } from "../../graph/graph.ts";
import { HALF } from "../preprocess.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
  Part,
  Recipe,
} from "./checkpoint.ts";
import { concatenated, reversed, same } from "./recipes.ts";
import {
  countBlocks,
  firstMatch,
  hasName,
  toldSize,
  type Witness,
} from "./told_sizes.ts";
import { vitSizes } from "./vit_sizes.ts";

/**
 * Google's `.npz` files: augreg, the older imagenet21k with its pre-logits, and
 * big_vision, with the prefixes that they come with.
 *
 * Source: google-research/vision_transformer and big_vision, whose names timm's
 * loader lists.
 */
export const googleVit: CheckpointFamily = {
  name: "Google ViT",
  recognises: (checkpoint) => firstMatch(checkpoint, BLOCK) !== undefined,
  describe,
};

/** A tensor of a block, with the prefix that all names have. */
const BLOCK =
  /^(opt\/target\/|params\/img\/|params\/|)Transformer\/encoderblock_\d+\//;

/** How the modules of a block are called. */
interface Names {
  readonly prefix: string;
  readonly attention: string;
  readonly norm2: string;
  readonly mlp: string;
  readonly positions: string;
}

function namesOf(checkpoint: Checkpoint, prefix: string): Names {
  const big = /\/(MultiHeadDotProductAttention_0|MlpBlock_0|LayerNorm_1)\//;
  return hasName(checkpoint, big)
    ? {
      prefix,
      attention: "MultiHeadDotProductAttention_0",
      norm2: "LayerNorm_1",
      mlp: "MlpBlock_0",
      positions: `${prefix}pos_embedding`,
    }
    : {
      prefix,
      attention: "MultiHeadDotProductAttention_1",
      norm2: "LayerNorm_2",
      mlp: "MlpBlock_3",
      positions: `${prefix}Transformer/posembed_input/pos_embedding`,
    };
}

function describe(checkpoint: Checkpoint): Description {
  const prefix = firstMatch(checkpoint, BLOCK) ?? "";
  const names = namesOf(checkpoint, prefix);
  const depth = countBlocks(checkpoint, `${prefix}Transformer/encoderblock_`);
  const heads = toldHeads(checkpoint, names, depth);
  const stored = (tensor: string, shape: Shape) =>
    recipe(names, heads, { tensor, shape });
  return {
    ...vitSizes(checkpoint, { recipe: stored, depth, heads, eps: 1e-6 }),
    preprocess: { ...HALF, interpolation: "bicubic", cropPct: 0.9 },
    recipe: stored,
    dropped: (name) =>
      name.startsWith(`${prefix}pre_logits/`)
        ? "timm leaves pre-logits out too"
        : name.startsWith("opt/state/")
        ? "only the optimiser uses it"
        : undefined,
  };
}

/** Every part of an attention layer has them as an axis. */
function toldHeads(
  checkpoint: Checkpoint,
  names: Names,
  depth: number,
): number {
  const asked = (tensor: string, shape: Shape) =>
    recipe(names, NaN, { tensor, shape });
  const witnesses = Array.from({ length: depth }, (_, block): Witness[] => [
    [`blocks.${block}.attn.qkv.weight`, [0, 0]],
    [`blocks.${block}.attn.qkv.bias`, [0]],
    [`blocks.${block}.attn.proj.weight`, [0, 0]],
  ]);
  return toldSize(checkpoint, asked, witnesses.flat());
}

/** Stored `[in, out]`, for `[out, in]`. */
function transposed(name: string, [out, from]: Shape): Recipe {
  return {
    parts: [{ name, shape: [from, out] }],
    make: ([values], room) => reversed(values, [from, 1, out], room),
  };
}

function recipe(
  names: Names,
  heads: number,
  { tensor, shape }: { tensor: string; shape: Shape },
): Recipe {
  const { prefix } = names;
  const kind = /\.(weight|bias)$/.exec(tensor)?.[1] ?? "";
  const module = kind ? tensor.slice(0, -kind.length - 1) : tensor;
  const inBlock = /^blocks\.(\d+)\.(.*)$/.exec(module);
  if (inBlock) {
    const block = `${prefix}Transformer/encoderblock_${inBlock[1]}`;
    return blockRecipe(block, names, { inner: inBlock[2], kind, shape, heads });
  }
  const leaf = kind === "weight" ? "kernel" : "bias";
  switch (module) {
    case "cls_token":
      return same(`${prefix}cls`, shape);
    case "pos_embed":
      return same(names.positions, shape);
    case "patch_embed.proj":
      return patchRecipe(`${prefix}embedding/${leaf}`, shape);
    case "norm":
      return normRecipe(`${prefix}Transformer/encoder_norm`, kind, shape);
    default:
      return layerRecipe(`${prefix}${module}`, kind, shape);
  }
}

function normRecipe(name: string, kind: string, shape: Shape): Recipe {
  return same(`${name}/${kind === "weight" ? "scale" : "bias"}`, shape);
}

function layerRecipe(name: string, kind: string, shape: Shape): Recipe {
  return kind === "weight"
    ? transposed(`${name}/kernel`, shape)
    : same(`${name}/bias`, shape);
}

/** Stored height, width, channels, out. */
function patchRecipe(name: string, shape: Shape): Recipe {
  if (shape.length !== 4) return same(name, shape);
  const [width, channels, high, wide] = shape;
  return {
    parts: [{ name, shape: [high, wide, channels, width] }],
    make: ([values], room) =>
      reversed(values, [high * wide, channels, width], room),
  };
}

function blockRecipe(
  block: string,
  names: Names,
  { inner, kind, shape, heads }: {
    inner: string;
    kind: string;
    shape: Shape;
    heads: number;
  },
): Recipe {
  const attention = `${block}/${names.attention}`;
  switch (inner) {
    case "norm1":
      return normRecipe(`${block}/LayerNorm_0`, kind, shape);
    case "norm2":
      return normRecipe(`${block}/${names.norm2}`, kind, shape);
    case "mlp.fc1":
      return layerRecipe(`${block}/${names.mlp}/Dense_0`, kind, shape);
    case "mlp.fc2":
      return layerRecipe(`${block}/${names.mlp}/Dense_1`, kind, shape);
    case "attn.qkv":
      return qkvRecipe(attention, kind, { shape, heads });
    default: {
      if (kind === "bias") return same(`${attention}/out/bias`, shape);
      const [width] = shape;
      return {
        parts: [{
          name: `${attention}/out/kernel`,
          shape: [heads, width / heads, width],
        }],
        make: ([values], room) => reversed(values, [width, 1, width], room),
      };
    }
  }
}

/** Three layers that are stored with the heads as an axis of their own. */
function qkvRecipe(
  attention: string,
  kind: string,
  { shape, heads }: { shape: Shape; heads: number },
): Recipe {
  const width = shape[0] / 3;
  const split = [heads, width / heads];
  const parts: Part[] = ["query", "key", "value"].map((part) =>
    kind === "weight"
      ? { name: `${attention}/${part}/kernel`, shape: [width, ...split] }
      : { name: `${attention}/${part}/bias`, shape: split }
  );
  return {
    parts,
    make: (arrays, room) =>
      concatenated(
        kind === "weight"
          ? arrays.map((values) => reversed(values, [width, 1, width], room))
          : arrays,
        room,
      ),
  };
}
