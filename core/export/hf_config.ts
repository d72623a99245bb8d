/**
 * The two configurations beside a model in Hugging Face's layout.
 *
 * @module
 */

import { sideBeforeCrop } from "../data/crop.ts";
import { hinted } from "../errors.ts";
import type { ExportDtype, ExportedModel } from "./exported_model.ts";
import { requirePlainVit } from "./plain_vit.ts";

/** PIL's numbers of the filters. */
const RESAMPLE: Readonly<Record<string, number>> = {
  nearest: 0,
  bilinear: 2,
  bicubic: 3,
};

/** What the two files are made from. */
export type HfModel = Pick<
  ExportedModel,
  "config" | "preprocess" | "classes" | "resize" | "provenance"
>;

/**
 * `config.json` of a `ViTForImageClassification`.
 *
 * @throws {RangeError} If the model is no plain ViT.
 */
export function hfConfig(
  { config: sizes, classes, provenance }: HfModel,
  dtype: ExportDtype,
): Record<string, unknown> {
  const config = requirePlainVit(
    sizes,
    "hf",
    "--format timm and onnx have every architecture",
  );
  return {
    architectures: ["ViTForImageClassification"],
    ["model_type"]: "vit",
    ["hidden_size"]: config.width,
    ["num_hidden_layers"]: config.depth,
    ["num_attention_heads"]: config.heads,
    ["intermediate_size"]: config.mlpHidden,
    ["hidden_act"]: "gelu",
    ["hidden_dropout_prob"]: 0,
    ["attention_probs_dropout_prob"]: 0,
    ["initializer_range"]: 0.02,
    ["layer_norm_eps"]: config.eps,
    ["image_size"]: config.imageSize,
    ["patch_size"]: config.patchSize,
    ["num_channels"]: config.channels,
    ["qkv_bias"]: true,
    id2label: Object.fromEntries(classes.map((name, i) => [i, name])),
    label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
    ["torch_dtype"]: dtype === "F16" ? "float16" : "float32",
    alore: provenance,
  };
}

/**
 * `preprocessor_config.json`.
 *
 * @throws {RangeError} If images were padded to a square, for which a plain
 * vision transformer's processors have no word: they would stretch them.
 */
export function hfPreprocessor(
  { config, preprocess, resize }: HfModel,
): Record<string, unknown> {
  if (resize?.fit === "pad") {
    throw hinted(
      new RangeError(
        "Cannot write the preprocessing as hf: got images fitted by pad, " +
          "wanted stretch or crop",
      ),
      "merge --format timm or onnx keeps the padding",
    );
  }
  const square = (side: number) => ({ height: side, width: side });
  const size = config.imageSize;
  const side = sideBeforeCrop(size, resize?.cropPct);
  const short = resize?.fit === "crop";
  const crop = short || side > size;
  return {
    // The second of the two does not crop.
    ["image_processor_type"]: crop ? "BitImageProcessor" : "ViTImageProcessor",
    ["do_resize"]: true,
    size: short ? { ["shortest_edge"]: side } : square(side),
    resample: RESAMPLE[resize?.filter ?? "bicubic"] ?? RESAMPLE.bicubic,
    ...(crop ? { ["do_center_crop"]: true, ["crop_size"]: square(size) } : {}),
    ["do_rescale"]: true,
    ["rescale_factor"]: 1 / 255,
    ["do_normalize"]: true,
    ["image_mean"]: preprocess.mean,
    ["image_std"]: preprocess.std,
  };
}
