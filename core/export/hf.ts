/**
 * Hugging Face's layout: what `from_pretrained` of transformers'
 * `ViTForImageClassification` and its like for Swin and ConvNeXt reads, and with
 * `onnx/model.onnx` what transformers.js reads.
 *
 * Source: the tensor names and configurations of transformers.
 *
 * @module
 */

import { type ModelConfig, modelTensors } from "../models/architectures.ts";
import { huggingFaceConvNextName } from "../models/checkpoints/hugging_face_convnext.ts";
import { huggingFaceSwinName } from "../models/checkpoints/hugging_face_swin.ts";
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
import { hfConfig, hfPreprocessor } from "./hf_config.ts";
import { encodeOnnx } from "./onnx.ts";

/** Configurations, weights and the ONNX file. */
export const hf: ExportFormat = {
  name: "hf",
  summary: "config.json, model.safetensors, preprocessor_config.json and " +
    "onnx/model.onnx for transformers and transformers.js",
  encode(model, dtype): ExportedFiles {
    return new Map([
      ["config.json", jsonFile(hfConfig(model, dtype))],
      ["preprocessor_config.json", jsonFile(hfPreprocessor(model))],
      ["model.safetensors", encodeWeights(model, dtype)],
      ["onnx/model.onnx", encodeOnnx(model, dtype)],
    ]);
  },
};

/** Hugging Face's names of a ViT's tensors. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^cls_token$/, "vit.embeddings.cls_token"],
  [/^pos_embed$/, "vit.embeddings.position_embeddings"],
  [/^patch_embed\.proj\./, "vit.embeddings.patch_embeddings.projection."],
  [/^blocks\.(\d+)\.norm1\./, "vit.encoder.layer.$1.layernorm_before."],
  [
    /^blocks\.(\d+)\.attn\.proj\./,
    "vit.encoder.layer.$1.attention.output.dense.",
  ],
  [/^blocks\.(\d+)\.attn\./, "vit.encoder.layer.$1.attention.attention."],
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
  const called = namesOf(config);
  for (const [name, { shape }] of modelTensors(config)) {
    const values = tensors.get(name);
    if (!values) {
      throw new TypeError(`Cannot export the model: got no tensor ${name}`);
    }
    const qkv = /^(.*\.attn)\.qkv\.(\w+)$/.exec(name);
    if (qkv) {
      const [, attention, kind] = qkv;
      const third = values.length / 3;
      ["query", "key", "value"].forEach((part, i) =>
        stored.set(
          called(`${attention}.${part}.${kind}`),
          fromFloat32(
            values.slice(i * third, (i + 1) * third),
            [shape[0] / 3, ...shape.slice(1)],
            dtype,
          ),
        )
      );
    } else {
      stored.set(called(name), fromFloat32(values, [...shape], dtype));
    }
  }
  return encodeSafetensors({ metadata: { format: "pt" }, tensors: stored });
}

function namesOf({ architecture }: ModelConfig): (name: string) => string {
  if (architecture === "swin") return huggingFaceSwinName("swin.");
  if (architecture === "convnext") return huggingFaceConvNextName("convnext.");
  return vitName;
}

function vitName(name: string): string {
  for (const [pattern, replacement] of NAMES) {
    if (pattern.test(name)) return name.replace(pattern, replacement);
  }
  throw new TypeError(
    `Cannot export the model to Hugging Face's layout: got the tensor ` +
      `${name}, wanted those of a plain vision transformer`,
  );
}
