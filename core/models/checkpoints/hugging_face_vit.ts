import type { Shape } from "../../graph/graph.ts";
import { HALF } from "../preprocess.ts";
import {
  type Checkpoint,
  type CheckpointFamily,
  countIndices,
  type Description,
  type Recipe,
  shapeOf,
} from "./checkpoint.ts";
import { same, stacked } from "./recipes.ts";
import { activationIn, huggingFacePreprocess, positiveIn } from "./settings.ts";
import { vitSizes } from "./vit_sizes.ts";

/** The layer norm that tells it from the other models of Hugging Face. */
const FIRST = "encoder.layer.0.layernorm_before.weight";

/**
 * Hugging Face's `ViTForImageClassification`, `ViTModel` and the encoder of
 * `ViTMAEForPreTraining`.
 */
export const huggingFaceVit: CheckpointFamily = {
  name: "Hugging Face ViT",
  recognises: (checkpoint) => prefixOf(checkpoint) !== undefined,
  describe,
};

function prefixOf({ file }: Checkpoint): string | undefined {
  return ["vit.", ""].find((prefix) => file.entries.has(prefix + FIRST));
}

function describe(checkpoint: Checkpoint): Description {
  const { file, config } = checkpoint;
  const prefix = prefixOf(checkpoint) ?? "";
  const embeddings = `${prefix}embeddings`;
  const patch = `${embeddings}.patch_embeddings.projection.weight`;
  const hidden = `${prefix}encoder.layer.0.intermediate.dense.weight`;
  const depth = countIndices(
    checkpoint,
    /encoder\.layer\.(\d+)\.layernorm_before\.weight$/,
  );
  const [, tokens] = shapeOf(
    checkpoint,
    `${embeddings}.position_embeddings`,
    3,
  );
  const activation = activationIn(checkpoint, config);
  const sizes = vitSizes(checkpoint, {
    patch: shapeOf(checkpoint, patch, 4),
    positions: tokens - 1,
    depth,
    mlpHidden: shapeOf(checkpoint, hidden, 2)[0],
    statedWidth: positiveIn(config, "hidden_size"),
    heads: positiveIn(config, "num_attention_heads"),
    classes: file.entries.get("classifier.weight")?.shape[0],
    eps: positiveIn(config, "layer_norm_eps") ?? 1e-12,
  });
  return {
    config: activation === "quick_gelu" ? { ...sizes, activation } : sizes,
    preprocess: huggingFacePreprocess(checkpoint, {
      ...HALF,
      interpolation: "bilinear",
      cropPct: 1,
    }),
    recipe: (tensor, shape) => recipe(prefix, tensor, shape),
    dropped: (name) =>
      name.startsWith(`${prefix}pooler.`)
        ? "the pooler is not part of the classifier"
        : name.startsWith("decoder.") || name.endsWith(".mask_token")
        ? "only pre-training uses it"
        : undefined,
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
