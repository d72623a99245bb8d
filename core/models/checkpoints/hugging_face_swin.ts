import { IMAGENET } from "../preprocess.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
} from "./checkpoint.ts";
import { stacked } from "./recipes.ts";
import { huggingFacePreprocess, positiveIn, requireGelu } from "./settings.ts";
import { describeSwin, type StoredName } from "./swin.ts";
import { firstMatch } from "./told_sizes.ts";

/**
 * Hugging Face's `SwinForImageClassification` and `SwinModel`. A stage ends with
 * the merging of patches, and queries, keys and values are layers of their own.
 *
 * Source: the tensor names of transformers' Swin.
 */
export const huggingFaceSwin: CheckpointFamily = {
  name: "Hugging Face Swin",
  recognises: (checkpoint) => firstMatch(checkpoint, TABLE) !== undefined,
  describe,
};

/** The tensor that tells a Swin, of every block, and the prefix of all names. */
const TABLE =
  /^(swin\.|)encoder\.layers\.\d+\.blocks\.\d+\.attention\.self\.relative_position_bias_table$/;

function describe(checkpoint: Checkpoint): Description {
  requireGelu(checkpoint);
  const prefix = firstMatch(checkpoint, TABLE) ?? "";
  const stored = huggingFaceSwinName(prefix);
  const fallback = {
    ...IMAGENET,
    interpolation: "bicubic",
    cropPct: 1,
  } as const;
  const plain = describeSwin(checkpoint, stored, fallback);
  const { config } = checkpoint;
  return {
    ...plain,
    config: {
      ...plain.config,
      imageSize: positiveIn(config, "image_size") ?? plain.config.imageSize,
      // Norms between stages always have 1e-5, as those of every known model.
      eps: positiveIn(config, "layer_norm_eps") ?? plain.config.eps,
    },
    preprocess: huggingFacePreprocess(checkpoint, fallback),
    recipe(tensor, shape) {
      const fused = /^(.*\.)attn\.qkv(\.\w+)$/.exec(tensor);
      if (!fused) return plain.recipe(tensor, shape);
      const [, block, kind] = fused;
      const parts = ["query", "key", "value"].map((part) =>
        stored(`${block}attn.${part}${kind}`)
      );
      return stacked(parts, shape);
    },
    dropped: (name) =>
      name.startsWith("decoder.") || name.endsWith(".mask_token")
        ? "only pre-training uses it"
        : plain.dropped?.(name),
  };
}

const IN_BLOCK: readonly (readonly [RegExp, string])[] = [
  [/^norm1\b/, "layernorm_before"],
  [/^norm2\b/, "layernorm_after"],
  [/^attn\.proj\b/, "attention.output.dense"],
  [/^attn\./, "attention.self."],
  [/^mlp\.fc1\b/, "intermediate.dense"],
  [/^mlp\.fc2\b/, "output.dense"],
];

const OUTSIDE: readonly (readonly [RegExp, string])[] = [
  [/^patch_embed\.proj\b/, "embeddings.patch_embeddings.projection"],
  [/^patch_embed\.norm\b/, "embeddings.norm"],
  [/^norm\b/, "layernorm"],
];

/** What the model's tensors are called there; the head has no prefix. */
export function huggingFaceSwinName(prefix: string): StoredName {
  return (name) => {
    if (name.startsWith("head.fc.")) {
      return name.replace("head.fc", "classifier");
    }
    const [, stage, part, rest] =
      /^layers\.(\d+)\.(blocks\.\d+|downsample)\.(.*)$/.exec(name) ?? [];
    if (stage === undefined) return prefix + renamed(name, OUTSIDE);
    const layer = (index: number) =>
      `${prefix}encoder.layers.${index}.${part}.`;
    return part === "downsample"
      ? layer(Number(stage) - 1) + rest
      : layer(Number(stage)) + renamed(rest, IN_BLOCK);
  };
}

function renamed(
  name: string,
  rules: readonly (readonly [RegExp, string])[],
): string {
  const rule = rules.find(([pattern]) => pattern.test(name));
  return rule ? name.replace(...rule) : name;
}
