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
import { same } from "./recipes.ts";
import { objectIn, positiveIn, timmPreprocess } from "./settings.ts";
import { vitSizes } from "./vit_sizes.ts";

/** timm's `VisionTransformer`, whose names the model's own tensors have. */
export const timmVit: CheckpointFamily = {
  name: "timm ViT",
  recognises: ({ file }) =>
    file.entries.has("patch_embed.proj.weight") &&
    file.entries.has("blocks.0.attn.qkv.weight"),
  describe,
};

function describe(checkpoint: Checkpoint): Description {
  const { file, config } = checkpoint;
  const [, tokens] = shapeOf(checkpoint, "pos_embed", 3);
  return {
    config: vitSizes(checkpoint, {
      patch: shapeOf(checkpoint, "patch_embed.proj.weight", 4),
      positions: tokens - 1,
      depth: countIndices(checkpoint, /^blocks\.(\d+)\.norm1\.weight$/),
      mlpHidden: shapeOf(checkpoint, "blocks.0.mlp.fc1.weight", 2)[0],
      heads: positiveIn(objectIn(config, "model_args"), "num_heads"),
      classes: file.entries.get("head.weight")?.shape[0],
      eps: 1e-6,
    }),
    preprocess: timmPreprocess(checkpoint, {
      ...HALF,
      interpolation: "bicubic",
      cropPct: 0.9,
    }),
    recipe,
    dropped: (name) =>
      name.startsWith("pre_logits.")
        ? "timm leaves pre-logits out too"
        : name === "mask_token"
        ? "it stands for patches that pre-training hid"
        : undefined,
  };
}

function recipe(tensor: string, shape: Shape): Recipe {
  return same(tensor, shape);
}
