import assert from "node:assert/strict";
import { writeDataset } from "../../core/data/dataset.ts";
import {
  fromFloat32,
  readSafetensors,
  toFloat32,
  writeSafetensors,
} from "../../core/weights/safetensors.ts";
import { alore } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { smallDataset } from "../support/small_run.ts";
import { randomRun, smallBackbone } from "../core/export/adapter_case.ts";

Deno.test("alore export writes an adapter that import makes the same run of", () =>
  inFolder(async (folder) => {
    const backbone = await smallBackbone(folder);
    await randomRun(`${folder}/run`, backbone, "lora");
    const dataset = smallDataset();
    const resize = { ...dataset.description.resize, filter: "bilinear" };
    const description = { ...dataset.description, resize };
    await writeDataset(`${folder}/data.safetensors`, {
      ...dataset,
      description,
    });
    const exported = await alore(
      folder,
      ...["export", "--run=run", "--out=shared", "--base=google/some-vit"],
    );
    assert.equal(exported.code, 0, exported.stderr);
    assert.match(
      exported.stdout,
      /^Exported {2}lora as peft: 10 tensors, 3 classes, [\d.]+ kB\nBackbone {2}google\/some-vit\nWrote {5}shared: adapter_config\.json, adapter_model\.safetensors, config\.json, preprocessor_config\.json\n$/,
    );
    const imported = await alore(
      folder,
      ...["import", "shared", "--backbone=small.safetensors", "--out=again"],
    );
    assert.equal(imported.code, 0, imported.stderr);
    assert.match(
      imported.stdout,
      /^Imported {4}lora from peft: rank 8, alpha 8, targets q,v, dropout 0\n/,
    );
    const tested = async (...words: string[]) => {
      const { code, stdout, stderr } = await alore(
        folder,
        ...["eval", ...words, "--json", "--device=cpu", "--threads=1"],
      );
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const data = "--data=data.safetensors";
    const before = await tested("--run=run", data);
    const after = await tested("--run=again", data);
    assert.equal(after.loss, before.loss);
    const nameless = await alore(folder, "eval", "--run=again");
    assert.equal(nameless.code, 1);
    assert.match(
      nameless.stderr,
      /got an imported adapter, whose data are not known, wanted a data set\nhint: {2}say which with --data FILE/,
    );
    const resumed = await alore(folder, "train", "--resume=again");
    assert.equal(resumed.code, 1);
    assert.match(resumed.stderr, /Cannot continue again: got an imported/);
  }));

Deno.test("alore merge leaves nothing behind of a fold that is not the same", () =>
  inFolder(async (folder) => {
    const backbone = await smallBackbone(folder);
    const run = await randomRun(`${folder}/run`, backbone, "alore");
    // Larger than the weights that it folds into can be.
    const path = run.adapterPath();
    const { metadata, tensors } = await readSafetensors(path);
    const grown = [...tensors].map(([name, tensor]) => {
      const factor = name.endsWith(".up") ? 1e38 : 1;
      const values = toFloat32(tensor).map((value) => value * factor);
      return [name, fromFloat32(values, [...tensor.shape])] as const;
    });
    await writeSafetensors(path, { metadata, tensors: new Map(grown) }, {
      overwrite: true,
    });
    const before = [...Deno.readDirSync(folder)].length;
    for (const format of ["safetensors", "timm", "hf", "onnx"]) {
      const { code, stderr } = await alore(
        folder,
        ...["merge", "--run=run", `--format=${format}`, "--out=merged"],
        ...["--device=cpu", "--threads=1"],
      );
      assert.equal(code, 1);
      assert.match(
        stderr,
        /error: Cannot merge the adapter: got logits that differ by \S+ of the largest, wanted at most 0\.0001/,
      );
      assert.equal([...Deno.readDirSync(folder)].length, before);
    }
  }));
