import { IMAGENET } from "../preprocess.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
} from "./checkpoint.ts";
import { describeConvNext, type StoredName } from "./convnext.ts";
import {
  huggingFacePreprocess,
  positiveIn,
  requireGelu,
  sideIn,
} from "./settings.ts";
import { firstMatch } from "./told_sizes.ts";

/** From this side on, the processor resizes without a crop. */
const UNCROPPED = 384;

/**
 * Hugging Face's `ConvNextForImageClassification` and `ConvNextModel`. Its last
 * norm, over the mean of the map, adds 1e-12 where this one adds 1e-6 like the
 * other norms: a relative difference of 1e-6 over the variance of the features.
 *
 * Source: the tensor names of transformers' ConvNeXT.
 */
export const huggingFaceConvNext: CheckpointFamily = {
  name: "Hugging Face ConvNeXt",
  recognises: (checkpoint) => firstMatch(checkpoint, SCALE) !== undefined,
  describe,
};

/** The tensor that tells it, of every block, and the prefix of all names. */
const SCALE =
  /^(convnext\.|)encoder\.stages\.\d+\.layers\.\d+\.layer_scale_parameter$/;

function describe(checkpoint: Checkpoint): Description {
  requireGelu(checkpoint);
  const fallback = {
    ...IMAGENET,
    interpolation: "bicubic",
    cropPct: 0.875,
  } as const;
  const stored = huggingFaceConvNextName(firstMatch(checkpoint, SCALE) ?? "");
  const plain = describeConvNext(checkpoint, stored, fallback);
  const { config, preprocessor } = checkpoint;
  const imageSize = sideIn(preprocessor, "size") ??
    positiveIn(config, "image_size") ?? plain.config.imageSize;
  const preprocess = huggingFacePreprocess(checkpoint, fallback);
  return {
    ...plain,
    config: { ...plain.config, imageSize },
    preprocess: imageSize < UNCROPPED
      ? preprocess
      : { ...preprocess, cropPct: 1 },
  };
}

const INNER: ReadonlyMap<string, string> = new Map([
  ["gamma", "layer_scale_parameter"],
  ["conv_dw", "dwconv"],
  ["norm", "layernorm"],
  ["mlp.fc1", "pwconv1"],
  ["mlp.fc2", "pwconv2"],
]);

const OUTSIDE: ReadonlyMap<string, string> = new Map([
  ["stem.0", "embeddings.patch_embeddings"],
  ["stem.1", "embeddings.layernorm"],
  ["head.norm", "layernorm"],
]);

/** What the model's tensors are called there; the head has no prefix. */
export function huggingFaceConvNextName(prefix: string): StoredName {
  return (name) => {
    const kind = /\.(weight|bias)$/.exec(name)?.[0] ?? "";
    const module = name.slice(0, name.length - kind.length);
    if (module === "head.fc") return `classifier${kind}`;
    const [, stage, part, index, inner = ""] =
      /^stages\.(\d+)\.(blocks|downsample)\.(\d+)\.?(.*)$/.exec(module) ?? [];
    if (stage === undefined) {
      return `${prefix}${OUTSIDE.get(module) ?? module}${kind}`;
    }
    const place = `${prefix}encoder.stages.${stage}`;
    return part === "downsample"
      ? `${place}.downsampling_layer.${index}${kind}`
      : `${place}.layers.${index}.${INNER.get(inner) ?? inner}${kind}`;
  };
}
