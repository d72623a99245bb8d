/**
 * timm's layout: what `timm.create_model("local-dir:FOLDER")` reads.
 *
 * @module
 */

import {
  type ModelConfig,
  modelShape,
  modelTensors,
} from "../models/architectures.ts";
import type { ConvNextConfig } from "../models/convnext.ts";
import type { SwinConfig } from "../models/swin.ts";
import type { VitConfig } from "../models/vit.ts";
import { encodeSafetensors, fromFloat32 } from "../weights/safetensors.ts";
import {
  type ExportDtype,
  type ExportedFiles,
  type ExportedModel,
  type ExportFormat,
  jsonFile,
} from "./exported_model.ts";
import { requirePlainVit } from "./plain_vit.ts";

/** `config.json` and `model.safetensors`. */
export const timm: ExportFormat = {
  name: "timm",
  summary: "config.json and model.safetensors for timm.create_model",
  encode(model, dtype): ExportedFiles {
    return new Map([
      ["config.json", jsonFile(timmConfig(model))],
      ["model.safetensors", encodeWeights(model, dtype)],
    ]);
  },
};

/** timm's fit by ours. */
const CROP_MODE: Readonly<Record<string, string>> = {
  stretch: "squash",
  pad: "border",
  crop: "center",
};

function timmConfig(model: ExportedModel): Record<string, unknown> {
  const { config, preprocess, classes, resize } = model;
  const { imageSize, channels } = config;
  const { width, head } = modelShape(config);
  const { entry, pool, first, sizes } = partsOf(config);
  return {
    architecture: entry,
    ["num_classes"]: classes.length,
    ["num_features"]: width,
    ["global_pool"]: pool,
    ["model_args"]: sizes,
    ["label_names"]: classes,
    ["pretrained_cfg"]: {
      ["custom_load"]: false,
      ["input_size"]: [channels, imageSize, imageSize],
      ["fixed_input_size"]: true,
      interpolation: resize?.filter ?? "bicubic",
      ["crop_pct"]: 1,
      ["crop_mode"]: CROP_MODE[resize?.fit ?? "stretch"] ?? "squash",
      mean: preprocess.mean,
      std: preprocess.std,
      ["num_classes"]: classes.length,
      ["pool_size"]: null,
      ["first_conv"]: first,
      classifier: head,
    },
    alore: model.provenance,
  };
}

/** What timm calls the parts of a model. */
interface Parts {
  /** The entry point that makes it; the sizes say what differs from it. */
  readonly entry: string;
  readonly pool: "token" | "avg";
  /** The first convolution. */
  readonly first: string;
  readonly sizes: Readonly<Record<string, unknown>>;
}

function partsOf(config: ModelConfig): Parts {
  switch (config.architecture) {
    case "vit":
      return vitParts(requirePlainVit(config, "timm"));
    case "swin":
      return swinParts(config);
    case "convnext":
      return convnextParts(config);
  }
}

function vitParts(config: VitConfig): Parts {
  const { imageSize, patchSize, channels, width } = config;
  const known = new Map([
    [192, "tiny"],
    [384, "small"],
    [768, "base"],
    [1024, "large"],
    [1280, "huge"],
  ]);
  const size = known.get(width) ?? "base";
  const patch = size === "huge" ? 14 : patchSize === 32 ? 32 : 16;
  return {
    entry: size === "tiny"
      ? "vit_tiny_patch16_224"
      : `vit_${size}_patch${patch}_224`,
    pool: "token",
    first: "patch_embed.proj",
    sizes: {
      ["img_size"]: imageSize,
      ["patch_size"]: patchSize,
      ["in_chans"]: channels,
      ["embed_dim"]: width,
      depth: config.depth,
      ["num_heads"]: config.heads,
      ["mlp_ratio"]: config.mlpHidden / width,
    },
  };
}

function swinParts(config: SwinConfig): Parts {
  const { width, depths } = config;
  const size = width > 96 ? "base" : depths[2] > 6 ? "small" : "tiny";
  return {
    entry: `swin_${size}_patch4_window7_224`,
    pool: "avg",
    first: "patch_embed.proj",
    sizes: {
      ["img_size"]: config.imageSize,
      ["patch_size"]: config.patchSize,
      ["in_chans"]: config.channels,
      ["embed_dim"]: width,
      depths,
      ["num_heads"]: config.heads,
      ["window_size"]: config.window,
      ["mlp_ratio"]: config.mlpRatio,
    },
  };
}

function convnextParts(config: ConvNextConfig): Parts {
  const { widths, depths } = config;
  const size = widths[0] > 96 ? "base" : depths[2] > 9 ? "small" : "tiny";
  return {
    entry: `convnext_${size}`,
    pool: "avg",
    first: "stem.0",
    sizes: {
      ["in_chans"]: config.channels,
      ["patch_size"]: config.patchSize,
      dims: widths,
      depths,
    },
  };
}

function encodeWeights(
  { config, tensors }: ExportedModel,
  dtype: ExportDtype,
): Uint8Array<ArrayBuffer> {
  const stored = [...modelTensors(config)].map(([name, { shape }]) => {
    const values = tensors.get(name);
    if (!values) {
      throw new TypeError(`Cannot export the model: got no tensor ${name}`);
    }
    return [name, fromFloat32(values, [...shape], dtype)] as const;
  });
  return encodeSafetensors({
    metadata: { format: "pt" },
    tensors: new Map(stored),
  });
}
