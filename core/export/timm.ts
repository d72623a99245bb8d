/**
 * timm's layout: what `timm.create_model("local-dir:FOLDER")` reads.
 *
 * @module
 */

import { modelShape } from "../models/architectures.ts";
import { encodeSafetensors, fromFloat32 } from "../weights/safetensors.ts";
import {
  type ExportDtype,
  type ExportedFiles,
  type ExportedModel,
  type ExportFormat,
  filterOf,
  jsonFile,
} from "./exported_model.ts";
import { partsOf } from "./timm_parts.ts";
import { timmTensors } from "./timm_tensors.ts";

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
      ["fixed_input_size"]: config.architecture !== "convnext",
      interpolation: filterOf(model),
      ["crop_pct"]: resize?.cropPct ?? 1,
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

function encodeWeights(
  model: ExportedModel,
  dtype: ExportDtype,
): Uint8Array<ArrayBuffer> {
  const stored = [...timmTensors(model)].map(([name, { shape, values }]) =>
    [name, fromFloat32(values, [...shape], dtype)] as const
  );
  return encodeSafetensors({
    metadata: { format: "pt" },
    tensors: new Map(stored),
  });
}
