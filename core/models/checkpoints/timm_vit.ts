import type { Shape } from "../../graph/graph.ts";
import { CLIP, HALF, IMAGENET, type Preprocess } from "../preprocess.ts";
import type { VitConfig } from "../vit.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
  Recipe,
} from "./checkpoint.ts";
import { FOLDED_SCALE, same, scaledRows, zeros } from "./recipes.ts";
import { objectIn, positiveIn, textIn, timmPreprocess } from "./settings.ts";
import { countBlocks, hasName } from "./told_sizes.ts";
import { vitSizes } from "./vit_sizes.ts";

/**
 * timm's `VisionTransformer`, whose names the model's own tensors have: the
 * plain one, DINOv2's with LayerScale and register tokens, and CLIP's image
 * tower.
 */
export const timmVit: CheckpointFamily = {
  name: "timm ViT",
  recognises: (checkpoint) =>
    hasName(checkpoint, /^blocks\.\d+\.attn\.(qkv|proj)\.(weight|bias)$/),
  describe,
};

/** What the names tell of a checkpoint. */
interface Kind {
  /** Length of the position embedding. */
  readonly tokens: number;
  readonly registers: number;
  /** Tokens in front of the patches that have a position: 0, 1, or all. */
  readonly placed: number;
  readonly layerScale: boolean;
  readonly preNorm: boolean;
  readonly qkvBias: boolean;
  has(name: string): boolean;
}

function kindOf(checkpoint: Checkpoint): Kind {
  const { entries } = checkpoint.file;
  const tokens = entries.get("pos_embed")?.shape[1] ?? NaN;
  const registers = entries.get("reg_token")?.shape[1] ??
    statedRegisters(checkpoint);
  // timm gives no position to them in its models with `no_embed_class`.
  const placed = [1, 1 + registers, 0].find((count) =>
    Number.isInteger(Math.sqrt(tokens - count))
  );
  return {
    tokens,
    registers,
    placed: placed ?? 1,
    layerScale: hasName(checkpoint, /^blocks\.\d+\.ls[12]\.gamma$/),
    preNorm: hasName(checkpoint, /^norm_pre\.(weight|bias)$/) ||
      /_clip/.test(textIn(checkpoint.config, "architecture") ?? ""),
    // Models that normalise queries and keys are not built here.
    qkvBias: hasName(checkpoint, /^blocks\.\d+\.attn\.(qkv\.bias|q_norm\.)/),
    has: (name) => entries.has(name),
  };
}

function describe(checkpoint: Checkpoint): Description {
  const { config: beside } = checkpoint;
  const kind = kindOf(checkpoint);
  const stored = (tensor: string, shape: Shape) => recipe(kind, tensor, shape);
  const { config: sizes, ...rest } = vitSizes(checkpoint, {
    recipe: stored,
    placed: kind.placed,
    depth: countBlocks(checkpoint, "blocks."),
    stated: { width: positiveIn(beside, "num_features") },
    heads: positiveIn(objectIn(beside, "model_args"), "num_heads"),
    // PyTorch's default, which timm leaves in place for CLIP.
    eps: kind.preNorm ? 1e-5 : 1e-6,
  });
  const config: VitConfig = {
    ...sizes,
    ...kind.registers ? { registers: kind.registers } : {},
    ...kind.preNorm ? { preNorm: true } : {},
    ...isQuick(checkpoint) ? { activation: "quick_gelu" as const } : {},
  };
  return {
    config,
    preprocess: timmPreprocess(checkpoint, preprocessOf(kind)),
    recipe: stored,
    notes: kind.layerScale ? [FOLDED_SCALE] : [],
    dropped: (name) => dropped(kind, name),
    ...rest,
  };
}

/** For a file whose registers are missing. */
function statedRegisters({ config }: Checkpoint): number {
  const named = /_reg(\d+)/.exec(textIn(config, "architecture") ?? "")?.[1];
  return positiveIn(objectIn(config, "model_args"), "reg_tokens") ??
    Number(named ?? 0);
}

/** No tensor tells it; timm's names of models and their arguments do. */
function isQuick({ config }: Checkpoint): boolean {
  return /quickgelu/.test(textIn(config, "architecture") ?? "") ||
    textIn(objectIn(config, "model_args"), "act_layer") === "quick_gelu";
}

/** What timm's models of the kind take where no configuration says it. */
function preprocessOf({ layerScale, preNorm }: Kind): Preprocess {
  if (preNorm) return { ...CLIP, interpolation: "bicubic" };
  return layerScale
    ? { ...IMAGENET, interpolation: "bicubic", cropPct: 1 }
    : { ...HALF, interpolation: "bicubic", cropPct: 0.9 };
}

function dropped(kind: Kind, name: string): string | undefined {
  if (name.startsWith("pre_logits.")) return "timm leaves pre-logits out too";
  if (name === "mask_token") return "only pre-training uses it";
  if (name === "head.weight" && isProjected(kind)) {
    return "it leads into the space of texts; a new head takes its place";
  }
}

/** Whether the head is CLIP's, which has no bias. */
function isProjected({ preNorm, has }: Kind): boolean {
  return preNorm && !has("head.bias");
}

function recipe(kind: Kind, tensor: string, shape: Shape): Recipe {
  if (tensor === "pos_embed") return positions(kind, shape);
  if (tensor === "reg_token" && kind.placed > 1) return registers(kind, shape);
  if (tensor.startsWith("head.") && isProjected(kind)) {
    return same("head.bias", shape);
  }
  if (isBiasLeftOut(kind, tensor)) return zeros(shape);
  const plain = same(tensor, shape);
  const [, block, inner] =
    /^(blocks\.\d+)\.(attn\.proj|mlp\.fc2)\./.exec(tensor) ?? [];
  if (!kind.layerScale || !block) return plain;
  const scale = inner === "attn.proj" ? "ls1" : "ls2";
  return scaledRows(plain, `${block}.${scale}.gamma`, shape);
}

/** CLIP's patches and some models' q, k and v have none. */
function isBiasLeftOut(kind: Kind, tensor: string): boolean {
  const { preNorm, qkvBias, has } = kind;
  return tensor === "patch_embed.proj.bias"
    ? preNorm && !has(tensor)
    : /\.attn\.qkv\.bias$/.test(tensor) && !qkvBias;
}

/**
 * The model's positions are the class token's and the patches'; a class token
 * without one gets zeros, and registers' are part of the tokens themselves.
 */
function positions({ placed }: Kind, [, tokens, width]: Shape): Recipe {
  const patches = tokens - 1;
  const stored = [1, placed + patches, width];
  return {
    parts: [{ name: "pos_embed", shape: stored }],
    make([values], room) {
      if (placed === 1) return values;
      const result = room.floats(tokens * width).fill(0);
      result.set(values.subarray(placed * width), width);
      if (placed > 1) result.set(values.subarray(0, width));
      return result;
    },
  };
}

/** Registers with a position, in which case it is part of them. */
function registers({ tokens }: Kind, shape: Shape): Recipe {
  const width = shape[2];
  return {
    parts: [
      { name: "reg_token", shape },
      { name: "pos_embed", shape: [1, tokens, width] },
    ],
    make([values, positions], room) {
      const result = room.floats(values.length);
      for (let i = 0; i < result.length; i++) {
        result[i] = values[i] + positions[width + i];
      }
      return result;
    },
  };
}
