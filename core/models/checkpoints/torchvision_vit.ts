import type { Shape } from "../../graph/graph.ts";
import { IMAGENET } from "../preprocess.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
} from "./checkpoint.ts";
import { same } from "./recipes.ts";
import { countBlocks, hasName } from "./told_sizes.ts";
import { vitSizes } from "./vit_sizes.ts";

const LAYER = "encoder.layers.encoder_layer_";

/**
 * torchvision's `VisionTransformer`; before 0.13 the two layers of an MLP were
 * called `linear_1` and `linear_2`.
 */
export const torchvisionVit: CheckpointFamily = {
  name: "torchvision ViT",
  recognises: (checkpoint) =>
    hasName(checkpoint, /^encoder\.layers\.encoder_layer_\d+\.(ln_|self_att)/),
  describe,
};

function describe(checkpoint: Checkpoint): Description {
  const mlp = hasName(checkpoint, /^encoder\..*\.mlp\.linear_[12]\./)
    ? { first: "linear_1", last: "linear_2" }
    : { first: "0", last: "3" };
  const recipe = (tensor: string, shape: Shape) =>
    same(storedName(tensor, mlp), shape);
  const depth = countBlocks(checkpoint, LAYER);
  return {
    ...vitSizes(checkpoint, { recipe, depth, eps: 1e-6 }),
    preprocess: { ...IMAGENET, interpolation: "bilinear", cropPct: 0.875 },
    recipe,
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
