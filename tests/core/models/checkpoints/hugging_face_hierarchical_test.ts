import assert from "node:assert/strict";
import { readBackbone } from "../../../../core/models/backbone.ts";
import { IMAGENET } from "../../../../core/models/preprocess.ts";
import {
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from "../../../../core/weights/safetensors.ts";
import { inFolder } from "../../../support/folder.ts";

const FOLDER = "tests/fixtures/checkpoints/hierarchical";

/** timm's names, in the order of these rules, as transformers spells them. */
const RULES: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> =
  {
    swin: [
      [/^patch_embed\.proj\./, "embeddings.patch_embeddings.projection."],
      [/^patch_embed\.norm\./, "embeddings.norm."],
      [/^layers\.1\.downsample\./, "encoder.layers.0.downsample."],
      [/^layers\./, "encoder.layers."],
      [/\.attn\.proj\./, ".attention.output.dense."],
      [/\.attn\./, ".attention.self."],
      [/\.norm1\./, ".layernorm_before."],
      [/\.norm2\./, ".layernorm_after."],
      [/\.mlp\.fc1\./, ".intermediate.dense."],
      [/\.mlp\.fc2\./, ".output.dense."],
      [/^norm\./, "layernorm."],
    ],
    convnext: [
      [/^stem\.0\./, "embeddings.patch_embeddings."],
      [/^stem\.1\./, "embeddings.layernorm."],
      [/\.downsample\./, ".downsampling_layer."],
      [/\.blocks\./, ".layers."],
      [/\.gamma$/, ".layer_scale_parameter"],
      [/\.conv_dw\./, ".dwconv."],
      [/(\.layers\.\d+)\.norm\./, "$1.layernorm."],
      [/\.mlp\.fc(\d)\./, ".pwconv$1."],
      [/^stages\./, "encoder.stages."],
      [/^head\.norm\./, "layernorm."],
    ],
  };

function inThirds(
  name: string,
  tensor: StoredTensor,
): [string, StoredTensor][] {
  const [rows, ...rest] = tensor.shape;
  const bytes = tensor.data.length / 3;
  return ["query", "key", "value"].map((part, i) => [
    name.replace("qkv", part),
    {
      ...tensor,
      shape: [rows / 3, ...rest],
      data: tensor.data.slice(i * bytes, (i + 1) * bytes),
    },
  ]);
}

async function hugged(model: string): Promise<Map<string, StoredTensor>> {
  const { tensors } = await readSafetensors(
    `${FOLDER}/${model}/model.safetensors`,
  );
  return new Map([...tensors].flatMap(([name, tensor]) => {
    if (/attn_mask|_index$/.test(name)) return [];
    if (name.startsWith("head.fc.")) {
      return [[name.replace("head.fc", "classifier"), tensor] as const];
    }
    const inside = RULES[model].reduce(
      (found, [pattern, replacement]) => found.replace(pattern, replacement),
      name,
    );
    const whole = `${model}.${inside}`;
    return name.includes("qkv") ? inThirds(whole, tensor) : [[whole, tensor]];
  }));
}

async function written(
  folder: string,
  tensors: Map<string, StoredTensor>,
  json: Readonly<Record<string, unknown>>,
): Promise<void> {
  await Deno.mkdir(folder);
  const path = `${folder}/model.safetensors`;
  await writeSafetensors(path, { metadata: { format: "pt" }, tensors });
  for (const [name, value] of Object.entries(json)) {
    await Deno.writeTextFile(`${folder}/${name}.json`, JSON.stringify(value));
  }
}

for (const [model, title] of [["swin", "Swin"], ["convnext", "ConvNeXt"]]) {
  Deno.test(`readBackbone() reads ${model} under Hugging Face's names`, () =>
    inFolder(async (folder) => {
      const timm = await readBackbone(`${FOLDER}/${model}`);
      const tensors = await hugged(model);
      const { imageSize } = timm.config;
      const config = {
        ["model_type"]: model,
        ["hidden_act"]: "gelu",
        ["image_size"]: imageSize,
      };
      const preprocessor = {
        ["do_normalize"]: true,
        ["image_mean"]: [0.5, 0.5, 0.5],
        ["image_std"]: [0.25, 0.25, 0.25],
        resample: 2,
      };
      const beside = { config, ["preprocessor_config"]: preprocessor };
      await written(`${folder}/whole`, tensors, beside);
      const found = await readBackbone(`${folder}/whole`);
      assert.equal(found.family, `Hugging Face ${title}`);
      assert.deepEqual(found.config, timm.config);
      assert.deepEqual([...found.tensors], [...timm.tensors]);
      assert.deepEqual(found.notes, []);
      assert.deepEqual(found.preprocess, {
        mean: [0.5, 0.5, 0.5],
        std: [0.25, 0.25, 0.25],
        interpolation: "bilinear",
        cropPct: 1,
      });

      // The model without a classifier, and nothing beside it.
      const bare = new Map(
        [...tensors].filter(([name]) => !name.startsWith("classifier."))
          .map(([name, tensor]) => [name.slice(model.length + 1), tensor]),
      );
      await written(`${folder}/bare`, bare, {});
      const body = await readBackbone(`${folder}/bare`);
      assert.equal(body.config.classes, 1);
      assert.deepEqual(
        [...body.tensors],
        [...timm.tensors].filter(([name]) => !name.startsWith("head.fc.")),
      );
      assert.deepEqual(body.preprocess, {
        ...IMAGENET,
        interpolation: "bicubic",
        cropPct: model === "swin" ? 1 : 0.875,
      });

      const relu = { config: { ...config, ["hidden_act"]: "relu" } };
      await written(`${folder}/relu`, tensors, relu);
      await assert.rejects(readBackbone(`${folder}/relu`), {
        name: "RangeError",
        message: /: got the activation "relu", wanted gelu$/,
      });
    }));
}

Deno.test("readBackbone() crops for Hugging Face's ConvNeXt below 384 pixels only", () =>
  inFolder(async (folder) => {
    const tensors = await hugged("convnext");
    for (const [side, cropPct] of [[224, 0.9], [384, 1]]) {
      const preprocessor = {
        ["image_mean"]: [0.5, 0.5, 0.5],
        size: { ["shortest_edge"]: side },
        ["crop_pct"]: 0.9,
      };
      const path = `${folder}/${side}`;
      await written(path, tensors, { ["preprocessor_config"]: preprocessor });
      const { config, preprocess } = await readBackbone(path);
      assert.equal(config.imageSize, side);
      assert.equal(preprocess.cropPct, cropPct);
    }
  }));
