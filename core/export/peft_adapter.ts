/**
 * peft's layout of LoRA adapters: what `PeftModel.from_pretrained` reads over a
 * `ViTForImageClassification`.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { reversed } from "../models/checkpoints/recipes.ts";
import type { VitConfig } from "../models/vit.ts";
import type { RunConfig } from "../train/run_config.ts";
import {
  encodeSafetensors,
  fromFloat32,
  type StoredTensor,
  toFloat32,
} from "../weights/safetensors.ts";
import type { AdapterFormat, TrainedAdapter } from "./adapter_format.ts";
import { type ExportedFiles, jsonFile } from "./exported_model.ts";
import { hfConfig, hfPreprocessor } from "./hf_config.ts";
import { PEFT_PREFIX, peftTargets } from "./peft_names.ts";
import { requirePlainVit } from "./plain_vit.ts";

/** The file of the tensors in an adapter's folder. */
export const PEFT_FILE = "adapter_model.safetensors";

/** The file of peft's settings. */
export const PEFT_CONFIG = "adapter_config.json";

/** What has words for everything. */
const ELSE = "--format alore has every method and architecture";

/**
 * Settings and tensors for peft; class names and preprocessing in the two files
 * that transformers has for them, since peft has none.
 */
export const peftAdapter: AdapterFormat = {
  name: "peft",
  summary: "adapter_config.json and adapter_model.safetensors for Hugging " +
    "Face's peft, of lora on a plain ViT",
  encode(adapter): ExportedFiles {
    const { config } = adapter;
    const { method, classes, preprocess, data, backbone, options } = config;
    if (method !== "lora") {
      throw hinted(
        new RangeError(
          `Cannot export the adapter as peft: got ${method}, wanted lora`,
        ),
        ELSE,
      );
    }
    const model = requirePlainVit(config.model, "peft", ELSE);
    const provenance = {
      adapter: JSON.stringify({ method, options, backbone }),
    };
    const about = { config: model, classes, preprocess, provenance };
    const hf = { ...about, resize: data.resize };
    return new Map([
      [PEFT_CONFIG, jsonFile(settings(adapter, model))],
      [PEFT_FILE, encodeTensors(adapter)],
      ["config.json", jsonFile(hfConfig(hf, "F32"))],
      ["preprocessor_config.json", jsonFile(hfPreprocessor(hf))],
    ]);
  },
};

function settings(
  { config: { options, backbone }, base }: TrainedAdapter,
  model: VitConfig,
): Record<string, unknown> {
  return {
    ["alpha_pattern"]: {},
    ["auto_mapping"]: null,
    ["base_model_name_or_path"]: base ?? backbone.source,
    bias: "none",
    ["fan_in_fan_out"]: false,
    ["inference_mode"]: true,
    ["init_lora_weights"]: true,
    ["layers_pattern"]: null,
    ["layers_to_transform"]: null,
    ["lora_alpha"]: options.alpha,
    ["lora_dropout"]: options.dropout,
    ["modules_to_save"]: ["classifier"],
    ["peft_type"]: "LORA",
    r: options.rank,
    ["rank_pattern"]: {},
    revision: null,
    ["target_modules"]: targetModules(options, model),
    ["task_type"]: null,
    ["use_dora"]: false,
    ["use_rslora"]: false,
  };
}

/** Ends of module names, which peft compares at a dot. */
function targetModules(
  { targets }: RunConfig["options"],
  { depth }: VitConfig,
): string[] {
  const chosen = new Set(String(targets).split(","));
  return peftTargets.filter(({ target }) => chosen.has(target))
    .flatMap(({ target, there }) =>
      // `attention.output.dense` ends so too, and may have no update.
      target === "fc2" && !chosen.has("proj")
        ? Array.from({ length: depth }, (_, i) => `layer.${i}.${there}`)
        : [there]
    );
}

function encodeTensors(
  { config, file: { tensors } }: TrainedAdapter,
): Uint8Array<ArrayBuffer> {
  const stored = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    const [, block, here, end] =
      /^adapter\.blocks\.(\d+)\.(.+)\.(down|up)$/.exec(name) ?? [];
    const found = peftTargets.find((target) => target.here === here);
    if (found) {
      // [in, rank] is A's [rank, in] here, [rank, out] is B's [out, rank].
      const [rows, columns] = tensor.shape;
      const turned = reversed(toFloat32(tensor), [rows, 1, columns]);
      const module = `vit.encoder.layer.${block}.${found.there}`;
      const part = end === "down" ? "lora_A" : "lora_B";
      stored.set(
        `${PEFT_PREFIX}${module}.${part}.weight`,
        fromFloat32(turned, [columns, rows]),
      );
    } else if (name.startsWith("head.")) {
      stored.set(
        `${PEFT_PREFIX}classifier.${name.slice("head.".length)}`,
        tensor,
      );
    } else {
      throw new TypeError(
        `Cannot export the adapter as peft: got the tensor ${name} of ` +
          `${config.method}, wanted those of LoRA and of the head`,
      );
    }
  }
  return encodeSafetensors({ metadata: { format: "pt" }, tensors: stored });
}
