/**
 * timm's layout: what `timm.create_model("local-dir:FOLDER")` reads.
 *
 * @module
 */

import { modelTensors } from "../models/architectures.ts";
import type { ModelConfig } from "../models/architectures.ts";
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
    requirePlainVit(model.config, "timm");
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
  return {
    architecture: architectureOf(config),
    ["num_classes"]: classes.length,
    ["num_features"]: config.width,
    ["global_pool"]: "token",
    ["model_args"]: modelArguments(config),
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
      ["first_conv"]: "patch_embed.proj",
      classifier: "head",
    },
    alore: model.provenance,
  };
}

/** An entry point of timm's; the arguments say what differs from it. */
function architectureOf({ width, patchSize }: ModelConfig): string {
  const sizes = new Map([
    [192, "tiny"],
    [384, "small"],
    [768, "base"],
    [1024, "large"],
    [1280, "huge"],
  ]);
  const size = sizes.get(width) ?? "base";
  const patch = size === "huge" ? 14 : patchSize === 32 ? 32 : 16;
  return size === "tiny"
    ? "vit_tiny_patch16_224"
    : `vit_${size}_patch${patch}_224`;
}

function modelArguments(config: ModelConfig): Record<string, unknown> {
  return {
    ["img_size"]: config.imageSize,
    ["patch_size"]: config.patchSize,
    ["in_chans"]: config.channels,
    ["embed_dim"]: config.width,
    depth: config.depth,
    ["num_heads"]: config.heads,
    ["mlp_ratio"]: config.mlpHidden / config.width,
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
