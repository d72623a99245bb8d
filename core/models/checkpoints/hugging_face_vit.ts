import type { Shape } from "../../graph/graph.ts";
import { HALF } from "../preprocess.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
  Recipe,
} from "./checkpoint.ts";
import { same, stacked } from "./recipes.ts";
import { activationIn, huggingFacePreprocess, positiveIn } from "./settings.ts";
import { countBlocks, firstMatch } from "./told_sizes.ts";
import { vitSizes } from "./vit_sizes.ts";

/** The layer norms that tell it from the other models of Hugging Face. */
const NORM = /^(vit\.|)encoder\.layer\.\d+\.layernorm_(?:before|after)\./;

/**
 * Hugging Face's `ViTForImageClassification`, `ViTModel` and the encoder of
 * `ViTMAEForPreTraining`.
 */
export const huggingFaceVit: CheckpointFamily = {
  name: "Hugging Face ViT",
  recognises: (checkpoint) => firstMatch(checkpoint, NORM) !== undefined,
  describe,
};

function describe(checkpoint: Checkpoint): Description {
  const { config } = checkpoint;
  const prefix = firstMatch(checkpoint, NORM) ?? "";
  const activation = activationIn(checkpoint, config);
  const stored = (tensor: string, shape: Shape) =>
    recipe(prefix, tensor, shape);
  const { config: sizes, ...rest } = vitSizes(checkpoint, {
    recipe: stored,
    depth: countBlocks(checkpoint, `${prefix}encoder.layer.`),
    stated: {
      width: positiveIn(config, "hidden_size"),
      depth: positiveIn(config, "num_hidden_layers"),
    },
    heads: positiveIn(config, "num_attention_heads"),
    eps: positiveIn(config, "layer_norm_eps") ?? 1e-12,
  });
  return {
    config: activation === "quick_gelu" ? { ...sizes, activation } : sizes,
    preprocess: huggingFacePreprocess(checkpoint, {
      ...HALF,
      interpolation: "bilinear",
      cropPct: 1,
    }),
    recipe: stored,
    dropped: (name) =>
      name.startsWith(`${prefix}pooler.`)
        ? "the pooler is not part of the classifier"
        : name.startsWith("decoder.") || name.endsWith(".mask_token")
        ? "only pre-training uses it"
        : undefined,
    ...rest,
  };
}

/** Names outside of the blocks. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["cls_token", "embeddings.cls_token"],
  ["pos_embed", "embeddings.position_embeddings"],
  ["patch_embed.proj", "embeddings.patch_embeddings.projection"],
  ["norm", "layernorm"],
]);

/** Names inside of a block. */
const IN_BLOCK: ReadonlyMap<string, string> = new Map([
  ["norm1", "layernorm_before"],
  ["attn.proj", "attention.output.dense"],
  ["norm2", "layernorm_after"],
  ["mlp.fc1", "intermediate.dense"],
  ["mlp.fc2", "output.dense"],
]);

function recipe(prefix: string, tensor: string, shape: Shape): Recipe {
  const kind = /\.(weight|bias)$/.exec(tensor)?.[0] ?? "";
  const module = tensor.slice(0, tensor.length - kind.length);
  if (module === "head") return same(`classifier${kind}`, shape);
  const [, block, inner] = /^blocks\.(\d+)\.(.*)$/.exec(module) ?? [];
  if (block === undefined) {
    return same(`${prefix}${NAMES.get(module) ?? module}${kind}`, shape);
  }
  const layer = `${prefix}encoder.layer.${block}`;
  if (inner === "attn.qkv") {
    const parts = ["query", "key", "value"]
      .map((part) => `${layer}.attention.attention.${part}${kind}`);
    return stacked(parts, shape);
  }
  return same(`${layer}.${IN_BLOCK.get(inner) ?? inner}${kind}`, shape);
}
