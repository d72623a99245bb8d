import type { Shape } from "../../graph/graph.ts";
import { IMAGENET } from "../preprocess.ts";
import {
  type Checkpoint,
  type CheckpointFamily,
  countIndices,
  type Description,
  type Recipe,
  shapeOf,
} from "./checkpoint.ts";
import { FOLDED_SCALE, same, scaledRows, stacked } from "./recipes.ts";
import { activationIn, huggingFacePreprocess, positiveIn } from "./settings.ts";
import { vitSizes } from "./vit_sizes.ts";

const FIRST = "encoder.layer.0.layer_scale1.lambda1";

/** Hugging Face's DINOv2, with registers and without. */
export const huggingFaceDinov2: CheckpointFamily = {
  name: "Hugging Face DINOv2",
  recognises: (checkpoint) => prefixOf(checkpoint) !== undefined,
  describe,
};

function prefixOf({ file }: Checkpoint): string | undefined {
  return ["", "dinov2.", "dinov2_with_registers."]
    .find((prefix) => file.entries.has(prefix + FIRST));
}

function describe(checkpoint: Checkpoint): Description {
  const { file, config } = checkpoint;
  const prefix = prefixOf(checkpoint) ?? "";
  const embeddings = `${prefix}embeddings`;
  const patch = `${embeddings}.patch_embeddings.projection.weight`;
  const [, tokens] = shapeOf(
    checkpoint,
    `${embeddings}.position_embeddings`,
    3,
  );
  const hidden = `${prefix}encoder.layer.0.mlp.fc1.weight`;
  const sizes = vitSizes(checkpoint, {
    patch: shapeOf(checkpoint, patch, 4),
    positions: tokens - 1,
    depth: countIndices(checkpoint, /encoder\.layer\.(\d+)\.norm1\.weight$/),
    mlpHidden: shapeOf(checkpoint, hidden, 2)[0],
    statedWidth: positiveIn(config, "hidden_size"),
    heads: positiveIn(config, "num_attention_heads"),
    eps: positiveIn(config, "layer_norm_eps") ?? 1e-6,
  });
  const registers = file.entries.get(`${embeddings}.register_tokens`)?.shape[1];
  const activation = activationIn(checkpoint, config);
  return {
    config: {
      ...sizes,
      ...registers ? { registers } : {},
      ...activation === "quick_gelu" ? { activation } : {},
    },
    preprocess: huggingFacePreprocess(checkpoint, {
      ...IMAGENET,
      interpolation: "bicubic",
      cropPct: 0.875,
    }),
    recipe: (tensor, shape) => recipe(prefix, tensor, shape),
    notes: [FOLDED_SCALE],
    dropped: (name) =>
      name.startsWith("classifier.")
        ? "it reads more than the class token; a new head takes its place"
        : name.endsWith("embeddings.mask_token")
        ? "only pre-training uses it"
        : undefined,
  };
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ["cls_token", "embeddings.cls_token"],
  ["reg_token", "embeddings.register_tokens"],
  ["pos_embed", "embeddings.position_embeddings"],
  ["patch_embed.proj", "embeddings.patch_embeddings.projection"],
  ["norm", "layernorm"],
]);

function recipe(prefix: string, tensor: string, shape: Shape): Recipe {
  const kind = /\.(weight|bias)$/.exec(tensor)?.[0] ?? "";
  const module = tensor.slice(0, tensor.length - kind.length);
  // The file's own head is another one, under a name of its own.
  if (module === "head") return same(tensor, shape);
  const [, block, inner] = /^blocks\.(\d+)\.(.*)$/.exec(module) ?? [];
  if (block === undefined) {
    return same(`${prefix}${NAMES.get(module) ?? module}${kind}`, shape);
  }
  const layer = `${prefix}encoder.layer.${block}`;
  switch (inner) {
    case "attn.qkv":
      return stacked(
        ["query", "key", "value"]
          .map((part) => `${layer}.attention.attention.${part}${kind}`),
        shape,
      );
    case "attn.proj":
      return scaledRows(
        same(`${layer}.attention.output.dense${kind}`, shape),
        `${layer}.layer_scale1.lambda1`,
        shape,
      );
    case "mlp.fc2":
      return scaledRows(
        same(`${layer}.mlp.fc2${kind}`, shape),
        `${layer}.layer_scale2.lambda1`,
        shape,
      );
    default:
      return same(`${layer}.${inner}${kind}`, shape);
  }
}
