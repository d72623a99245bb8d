/**
 * Hugging Face's layout: what `ViTForImageClassification.from_pretrained` reads,
 * and with `onnx/model.onnx` what transformers.js reads.
 *
 * Source: the tensor names and configuration of transformers'
 * `ViTForImageClassification`.
 *
 * @module
 */

import { modelTensors } from "../models/architectures.ts";
import {
  encodeSafetensors,
  fromFloat32,
  type StoredTensor,
} from "../weights/safetensors.ts";
import {
  type ExportDtype,
  type ExportedFiles,
  type ExportedModel,
  type ExportFormat,
  jsonFile,
} from "./exported_model.ts";
import { encodeOnnx } from "./onnx.ts";
import { requirePlainVit } from "./plain_vit.ts";

/** Configurations, weights and the ONNX file. */
export const hf: ExportFormat = {
  name: "hf",
  summary: "config.json, model.safetensors, preprocessor_config.json and " +
    "onnx/model.onnx for transformers and transformers.js",
  encode(model, dtype): ExportedFiles {
    return new Map([
      ["config.json", jsonFile(hfConfig(model, dtype))],
      ["preprocessor_config.json", jsonFile(preprocessor(model))],
      ["model.safetensors", encodeWeights(model, dtype)],
      ["onnx/model.onnx", encodeOnnx(model, dtype)],
    ]);
  },
};

/** PIL's numbers of the filters. */
const RESAMPLE: Readonly<Record<string, number>> = {
  nearest: 0,
  bilinear: 2,
  bicubic: 3,
};

function hfConfig(
  { config: sizes, classes, provenance }: ExportedModel,
  dtype: ExportDtype,
): Record<string, unknown> {
  const config = requirePlainVit(sizes, "hf");
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

function preprocessor(
  { config, preprocess, resize }: ExportedModel,
): Record<string, unknown> {
  const size = config.imageSize;
  const square = { height: size, width: size };
  const crop = resize?.fit === "crop";
  return {
    // The first of the two does not crop.
    ["image_processor_type"]: crop ? "BitImageProcessor" : "ViTImageProcessor",
    ["do_resize"]: true,
    size: crop ? { ["shortest_edge"]: size } : square,
    resample: RESAMPLE[resize?.filter ?? "bicubic"] ?? RESAMPLE.bicubic,
    ...(crop ? { ["do_center_crop"]: true, ["crop_size"]: square } : {}),
    ["do_rescale"]: true,
    ["rescale_factor"]: 1 / 255,
    ["do_normalize"]: true,
    ["image_mean"]: preprocess.mean,
    ["image_std"]: preprocess.std,
  };
}

/** Hugging Face's name of a tensor that is not part of qkv. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^cls_token$/, "vit.embeddings.cls_token"],
  [/^pos_embed$/, "vit.embeddings.position_embeddings"],
  [/^patch_embed\.proj\./, "vit.embeddings.patch_embeddings.projection."],
  [/^blocks\.(\d+)\.norm1\./, "vit.encoder.layer.$1.layernorm_before."],
  [
    /^blocks\.(\d+)\.attn\.proj\./,
    "vit.encoder.layer.$1.attention.output.dense.",
  ],
  [/^blocks\.(\d+)\.norm2\./, "vit.encoder.layer.$1.layernorm_after."],
  [/^blocks\.(\d+)\.mlp\.fc1\./, "vit.encoder.layer.$1.intermediate.dense."],
  [/^blocks\.(\d+)\.mlp\.fc2\./, "vit.encoder.layer.$1.output.dense."],
  [/^norm\./, "vit.layernorm."],
  [/^head\./, "classifier."],
];

function encodeWeights(
  { config, tensors }: ExportedModel,
  dtype: ExportDtype,
): Uint8Array<ArrayBuffer> {
  const stored = new Map<string, StoredTensor>();
  for (const [name, { shape }] of modelTensors(config)) {
    const values = tensors.get(name);
    if (!values) {
      throw new TypeError(`Cannot export the model: got no tensor ${name}`);
    }
    const qkv = /^blocks\.(\d+)\.attn\.qkv\.(\w+)$/.exec(name);
    if (qkv) {
      const [, block, kind] = qkv;
      const third = values.length / 3;
      ["query", "key", "value"].forEach((part, i) =>
        stored.set(
          `vit.encoder.layer.${block}.attention.attention.${part}.${kind}`,
          fromFloat32(
            values.slice(i * third, (i + 1) * third),
            [shape[0] / 3, ...shape.slice(1)],
            dtype,
          ),
        )
      );
    } else {
      stored.set(hfName(name), fromFloat32(values, [...shape], dtype));
    }
  }
  return encodeSafetensors({ metadata: { format: "pt" }, tensors: stored });
}

function hfName(name: string): string {
  for (const [pattern, replacement] of NAMES) {
    if (pattern.test(name)) return name.replace(pattern, replacement);
  }
  throw new TypeError(
    `Cannot export the model to Hugging Face's layout: got the tensor ` +
      `${name}, wanted those of a plain vision transformer`,
  );
}
