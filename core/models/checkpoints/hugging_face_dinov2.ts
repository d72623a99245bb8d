import type { Shape } from "../../graph/graph.ts";
import { IMAGENET } from "../preprocess.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
  Recipe,
} from "./checkpoint.ts";
import { FOLDED_SCALE, same, scaledRows, stacked } from "./recipes.ts";
import {
  activationIn,
  huggingFacePreprocess,
  positiveIn,
  textIn,
} from "./settings.ts";
import { countBlocks, firstMatch } from "./told_sizes.ts";
import { vitSizes } from "./vit_sizes.ts";

/** What tells it from the other models of Hugging Face. */
const SCALE =
  /^(dinov2\.|dinov2_with_registers\.|)encoder\.layer\.\d+\.layer_scale[12]\./;

/** Hugging Face's DINOv2, with registers and without. */
export const huggingFaceDinov2: CheckpointFamily = {
  name: "Hugging Face DINOv2",
  recognises: (checkpoint) => firstMatch(checkpoint, SCALE) !== undefined,
  describe,
};

function describe(checkpoint: Checkpoint): Description {
  const { file, config } = checkpoint;
  const prefix = firstMatch(checkpoint, SCALE) ?? "";
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
    eps: positiveIn(config, "layer_norm_eps") ?? 1e-6,
  });
  const tokens = `${prefix}embeddings.register_tokens`;
  const registers = file.entries.get(tokens)?.shape[1] ??
    statedRegisters(checkpoint);
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
    recipe: stored,
    notes: [FOLDED_SCALE],
    dropped: (name) =>
      name.startsWith("classifier.")
        ? "it reads more than the class token; a new head takes its place"
        : name.endsWith("embeddings.mask_token")
        ? "only pre-training uses it"
        : undefined,
    ...rest,
  };
}

/** For a file whose registers are missing; 4 is the configuration's default. */
function statedRegisters({ config }: Checkpoint): number | undefined {
  const kind = textIn(config, "model_type");
  return positiveIn(config, "num_register_tokens") ??
    (kind === "dinov2_with_registers" ? 4 : undefined);
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
