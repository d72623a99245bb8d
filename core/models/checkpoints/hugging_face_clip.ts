import type { Shape } from "../../graph/graph.ts";
import { CLIP } from "../preprocess.ts";
import type { VitConfig } from "../vit.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
  JsonObject,
  Recipe,
} from "./checkpoint.ts";
import { same, stacked, zeros } from "./recipes.ts";
import {
  activationIn,
  huggingFacePreprocess,
  objectIn,
  positiveIn,
} from "./settings.ts";
import { countBlocks, hasName } from "./told_sizes.ts";
import { vitSizes } from "./vit_sizes.ts";

const TOWER = "vision_model.";

/** Towers of SigLIP have neither, those of BLIP no queries of their own. */
const OWN = /^vision_model\.(pre_layrnorm\.|embeddings\.class_embedding$)/;
const QUERY = /^vision_model\.encoder\.layers\.\d+\.self_attn\.q_proj\./;

/** The image tower of Hugging Face's CLIP, alone or beside the text tower. */
export const huggingFaceClip: CheckpointFamily = {
  name: "Hugging Face CLIP",
  recognises: (checkpoint) =>
    hasName(checkpoint, OWN) && hasName(checkpoint, QUERY),
  describe,
};

function describe(checkpoint: Checkpoint): Description {
  const beside = visionConfig(checkpoint);
  const { config: sizes, ...rest } = vitSizes(checkpoint, {
    recipe,
    depth: countBlocks(checkpoint, `${TOWER}encoder.layers.`),
    stated: {
      width: positiveIn(beside, "hidden_size"),
      depth: positiveIn(beside, "num_hidden_layers"),
    },
    heads: positiveIn(beside, "num_attention_heads"),
    eps: positiveIn(beside, "layer_norm_eps") ?? 1e-5,
  });
  const config: VitConfig = {
    ...sizes,
    preNorm: true,
    activation: activationIn(checkpoint, beside) ?? "quick_gelu",
  };
  return {
    config,
    preprocess: huggingFacePreprocess(checkpoint, {
      ...CLIP,
      interpolation: "bicubic",
      cropPct: 1,
    }),
    recipe,
    dropped,
    ...rest,
  };
}

/** Of the image tower, where the configuration is that of both. */
function visionConfig({ config }: Checkpoint): JsonObject | undefined {
  return config && "vision_config" in config
    ? objectIn(config, "vision_config")
    : config;
}

function dropped(name: string): string | undefined {
  if (name.endsWith("position_ids")) return "they only count the positions";
  if (/^(text_model\.|text_projection\.|logit_scale$)/.test(name)) {
    return "the text tower is not needed";
  }
  if (name === "visual_projection.weight") {
    return "it leads into the space of texts; a new head takes its place";
  }
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ["cls_token", "embeddings.class_embedding"],
  ["pos_embed", "embeddings.position_embedding.weight"],
  ["patch_embed.proj", "embeddings.patch_embedding"],
  ["norm_pre", "pre_layrnorm"], // It is spelled so there.
  ["norm", "post_layernorm"],
]);

const IN_BLOCK: ReadonlyMap<string, string> = new Map([
  ["norm1", "layer_norm1"],
  ["attn.proj", "self_attn.out_proj"],
  ["norm2", "layer_norm2"],
]);

function recipe(tensor: string, shape: Shape): Recipe {
  const kind = /\.(weight|bias)$/.exec(tensor)?.[0] ?? "";
  const module = tensor.slice(0, tensor.length - kind.length);
  if (module === "head") return same(tensor, shape);
  if (tensor === "patch_embed.proj.bias") return zeros(shape);
  const [, block, inner] = /^blocks\.(\d+)\.(.*)$/.exec(module) ?? [];
  if (block === undefined) {
    // They come without the axes of size one.
    const size = /^(cls_token|pos_embed)$/.test(tensor)
      ? shape.filter((n, axis) => n !== 1 || axis === shape.length - 1)
      : shape;
    return same(`${TOWER}${NAMES.get(module) ?? module}${kind}`, size);
  }
  const layer = `${TOWER}encoder.layers.${block}`;
  if (inner === "attn.qkv") {
    const parts = ["q_proj", "k_proj", "v_proj"]
      .map((part) => `${layer}.self_attn.${part}${kind}`);
    return stacked(parts, shape);
  }
  return same(`${layer}.${IN_BLOCK.get(inner) ?? inner}${kind}`, shape);
}
