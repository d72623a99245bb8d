/**
 * The two configurations beside a model in Hugging Face's layout.
 *
 * @module
 */

import { sideBeforeCrop } from "../data/crop.ts";
import type { Filter } from "../data/resize.ts";
import { hinted } from "../errors.ts";
import type { ModelConfig } from "../models/architectures.ts";
import type { ConvNextConfig } from "../models/convnext.ts";
import type { SwinConfig } from "../models/swin.ts";
import {
  type ExportDtype,
  type ExportedModel,
  filterOf,
} from "./exported_model.ts";
import { requirePlainVit } from "./plain_vit.ts";

/** PIL's numbers of the filters. */
const RESAMPLE: Readonly<Record<Filter, number>> = {
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
 * `config.json` of a `ViTForImageClassification`, a `SwinForImageClassification`
 * or a `ConvNextForImageClassification`.
 *
 * @throws {RangeError} If none of them computes what the model does.
 */
export function hfConfig(
  { config: sizes, classes, provenance }: HfModel,
  dtype: ExportDtype,
): Record<string, unknown> {
  return {
    ...sizesOf(sizes),
    ["image_size"]: sizes.imageSize,
    ["patch_size"]: sizes.patchSize,
    ["num_channels"]: sizes.channels,
    ["hidden_act"]: "gelu",
    ["initializer_range"]: 0.02,
    ["layer_norm_eps"]: sizes.eps,
    id2label: Object.fromEntries(classes.map((name, i) => [i, name])),
    label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
    ["torch_dtype"]: dtype === "F16" ? "float16" : "float32",
    alore: provenance,
  };
}

/** What holds every model. */
const ELSE = "--format timm and onnx have every architecture";

function sizesOf(sizes: ModelConfig): Record<string, unknown> {
  if (sizes.architecture === "swin") return swinSizes(sizes);
  if (sizes.architecture === "convnext") return convnextSizes(sizes);
  const config = requirePlainVit(sizes, "hf", ELSE);
  return {
    architectures: ["ViTForImageClassification"],
    ["model_type"]: "vit",
    ["hidden_size"]: config.width,
    ["num_hidden_layers"]: config.depth,
    ["num_attention_heads"]: config.heads,
    ["intermediate_size"]: config.mlpHidden,
    ["hidden_dropout_prob"]: 0,
    ["attention_probs_dropout_prob"]: 0,
    ["qkv_bias"]: true,
  };
}

/** Where windows do not fit, transformers computes something else. */
function swinSizes(config: SwinConfig): Record<string, unknown> {
  const { imageSize, patchSize, width, depths, heads, window } = config;
  requireEps(config, 1e-5);
  const maps = depths.map((_, stage) => imageSize / patchSize / 2 ** stage);
  if (maps.some((side) => side % window !== 0)) {
    throw hinted(
      new RangeError(
        `Cannot export the model as hf: got maps of ${maps.join(", ")} for ` +
          `windows of ${window}, wanted multiples of it`,
      ),
      ELSE,
    );
  }
  return {
    architectures: ["SwinForImageClassification"],
    ["model_type"]: "swin",
    ["embed_dim"]: width,
    depths,
    ["num_heads"]: heads,
    ["num_layers"]: depths.length,
    ["hidden_size"]: width * 2 ** (depths.length - 1),
    ["window_size"]: window,
    ["mlp_ratio"]: config.mlpRatio,
    ["hidden_dropout_prob"]: 0,
    ["attention_probs_dropout_prob"]: 0,
    ["drop_path_rate"]: 0,
    ["use_absolute_embeddings"]: false,
    ["qkv_bias"]: true,
  };
}

function convnextSizes(config: ConvNextConfig): Record<string, unknown> {
  requireEps(config, 1e-6);
  return {
    architectures: ["ConvNextForImageClassification"],
    ["model_type"]: "convnext",
    ["hidden_sizes"]: config.widths,
    depths: config.depths,
    ["num_stages"]: config.depths.length,
    ["layer_scale_init_value"]: 1e-6,
    ["drop_path_rate"]: 0,
  };
}

/** Some of these models' norms take no eps from a file. */
function requireEps({ eps }: ModelConfig, wanted: number): void {
  if (eps === wanted) return;
  throw hinted(
    new RangeError(
      `Cannot export the model as hf: got layer norms with eps ${eps}, ` +
        `wanted ${wanted}`,
    ),
    ELSE,
  );
}

/**
 * `preprocessor_config.json`.
 *
 * @throws {RangeError} If images were padded to a square, for which a plain
 * vision transformer's processors have no word: they would stretch them.
 */
export function hfPreprocessor(model: HfModel): Record<string, unknown> {
  const { config, preprocess, resize } = model;
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
    resample: RESAMPLE[filterOf(model)],
    ...(crop ? { ["do_center_crop"]: true, ["crop_size"]: square(size) } : {}),
    ["do_rescale"]: true,
    ["rescale_factor"]: 1 / 255,
    ["do_normalize"]: true,
    ["image_mean"]: preprocess.mean,
    ["image_std"]: preprocess.std,
  };
}
