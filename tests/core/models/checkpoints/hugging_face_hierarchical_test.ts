import assert from "node:assert/strict";
import { readBackbone } from "../../../../core/models/backbone.ts";
import { IMAGENET } from "../../../../core/models/preprocess.ts";
import {
  type StoredTensor,
  writeSafetensors,
} from "../../../../core/weights/safetensors.ts";
import { inFolder } from "../../../support/folder.ts";
import { hugged } from "../../../support/hugged.ts";

const FOLDER = "tests/fixtures/checkpoints/hierarchical";

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
