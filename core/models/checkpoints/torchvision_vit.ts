import { IMAGENET } from "../preprocess.ts";
import {
  type Checkpoint,
  type CheckpointFamily,
  countIndices,
  type Description,
  shapeOf,
} from "./checkpoint.ts";
import { same } from "./recipes.ts";
import { vitSizes } from "./vit_sizes.ts";

const LAYER = "encoder.layers.encoder_layer_";

/**
 * torchvision's `VisionTransformer`; before 0.13 the two layers of an MLP were
 * called `linear_1` and `linear_2`.
 */
export const torchvisionVit: CheckpointFamily = {
  name: "torchvision ViT",
  recognises: ({ file }) =>
    file.entries.has("conv_proj.weight") &&
    file.entries.has(`${LAYER}0.self_attention.in_proj_weight`),
  describe,
};

function describe(checkpoint: Checkpoint): Description {
  const { file } = checkpoint;
  const mlp = file.entries.has(`${LAYER}0.mlp.linear_1.weight`)
    ? { first: "linear_1", last: "linear_2" }
    : { first: "0", last: "3" };
  const [, tokens] = shapeOf(checkpoint, "encoder.pos_embedding", 3);
  const hidden = `${LAYER}0.mlp.${mlp.first}.weight`;
  return {
    config: vitSizes(checkpoint, {
      patch: shapeOf(checkpoint, "conv_proj.weight", 4),
      positions: tokens - 1,
      depth: countIndices(checkpoint, /encoder_layer_(\d+)\.ln_1\.weight$/),
      mlpHidden: shapeOf(checkpoint, hidden, 2)[0],
      classes: file.entries.get("heads.head.weight")?.shape[0],
      eps: 1e-6,
    }),
    preprocess: { ...IMAGENET, interpolation: "bilinear", cropPct: 0.875 },
    recipe: (tensor, shape) => same(storedName(tensor, mlp), shape),
    dropped: (name) =>
      name.startsWith("heads.pre_logits.")
        ? "a new head takes the features before it"
        : undefined,
  };
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ["cls_token", "class_token"],
  ["pos_embed", "encoder.pos_embedding"],
  ["patch_embed.proj", "conv_proj"],
  ["norm", "encoder.ln"],
  ["head", "heads.head"],
]);

function storedName(
  tensor: string,
  mlp: { first: string; last: string },
): string {
  const kind = /\.(weight|bias)$/.exec(tensor)?.[0] ?? "";
  const module = tensor.slice(0, tensor.length - kind.length);
  const [, block, inner] = /^blocks\.(\d+)\.(.*)$/.exec(module) ?? [];
  if (block === undefined) return (NAMES.get(module) ?? module) + kind;
  const layer = `${LAYER}${block}`;
  switch (inner) {
    case "norm1":
      return `${layer}.ln_1${kind}`;
    case "norm2":
      return `${layer}.ln_2${kind}`;
    case "attn.qkv": // PyTorch's fused layer has no module of its own.
      return `${layer}.self_attention.in_proj_${kind.slice(1)}`;
    case "attn.proj":
      return `${layer}.self_attention.out_proj${kind}`;
    case "mlp.fc1":
      return `${layer}.mlp.${mlp.first}${kind}`;
    default:
      return `${layer}.mlp.${mlp.last}${kind}`;
  }
}
