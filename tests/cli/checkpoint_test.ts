import assert from "node:assert/strict";
import { writeDataset } from "../../core/data/dataset.ts";
import { encodePng } from "../../core/data/encode_png.ts";
import { alore } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { smallDataset } from "../support/small_run.ts";

const fixture = (name: string) =>
  new URL(`../fixtures/checkpoints/${name}`, import.meta.url).pathname;

/** Bicubic images, prepared by a command that the remedy can repeat. */
async function writeData(
  folder: string,
  imageSize: number,
  cropPct = 1,
): Promise<void> {
  const dataset = smallDataset(undefined, imageSize);
  await writeDataset(`${folder}/data.safetensors`, {
    ...dataset,
    description: {
      ...dataset.description,
      resize: { ...dataset.description.resize, cropPct },
      preparedWith: "alore data prepare folder ./photos --filter bicubic " +
        `--size ${imageSize} --seed 3`,
    },
  });
}

const train = (folder: string, backbone: string, ...more: string[]) =>
  alore(
    folder,
    "train",
    "--data=data.safetensors",
    `--backbone=${fixture(backbone)}`,
    "--device=cpu",
    "--threads=1",
    "--batch-size=8",
    "--epochs=1",
    "--out=run",
    ...more,
  );

Deno.test("train says what a checkpoint is and keeps how its images are prepared", () =>
  inFolder(async (folder) => {
    await writeData(folder, 16, 0.9);
    const { code, stderr } = await train(folder, "imagenet21k.npz");
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /Backbone +imagenet21k \(Google ViT\): 16 px, patch 8, width 24, depth 2, 3 heads, LayerNorm eps 0\.000001, GELU\n/,
    );
    assert.match(
      stderr,
      /Images +mean 0\.5, std 0\.5, bicubic, crop_pct 0\.9\n/,
    );
    assert.match(stderr, /left out opt\/target\/pre_logits/);
    const config = JSON.parse(
      await Deno.readTextFile(`${folder}/run/config.json`),
    );
    assert.deepEqual(config.preprocess, {
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      interpolation: "bicubic",
      cropPct: 0.9,
    });
    assert.equal(config.model.eps, 1e-6);
    const eval_ = await alore(folder, "eval", "--run=run", "--device=cpu");
    assert.equal(eval_.code, 0, eval_.stderr);
  }));

Deno.test("train takes a backbone by the name that it was pulled by", () =>
  inFolder(async (folder) => {
    await writeData(folder, 16, 0.95);
    const missing = await train(folder, "timm", "--backbone=mae-b16");
    assert.equal(missing.code, 1);
    assert.match(
      missing.stderr,
      /Cannot read the backbone mae-b16: got a name without weights, wanted a file\nhint: +deno task pull mae-b16 fetches them\n/,
    );
    const pulled = `${folder}/backbones/mae-b16`;
    await Deno.mkdir(pulled, { recursive: true });
    for (const name of ["config.json", "model.safetensors"]) {
      await Deno.copyFile(fixture(`timm/${name}`), `${pulled}/${name}`);
    }
    const { code, stderr } = await train(
      folder,
      "timm",
      "--backbone=mae-b16",
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Backbone +mae-b16 \(timm ViT\): 16 px/);
    const eval_ = await alore(folder, "eval", "--run=run", "--device=cpu");
    assert.equal(eval_.code, 0, eval_.stderr);
    const counted = await alore(folder, "params", "--backbone=mae-b16");
    assert.equal(counted.code, 0, counted.stderr);
  }));

Deno.test("train refuses data that were resized by another filter", () =>
  inFolder(async (folder) => {
    await writeData(folder, 16, 0.875);
    const refused = await train(folder, "torchvision.safetensors");
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /Cannot train on data\.safetensors: got images resized by bicubic, wanted bilinear as the backbone learned\nhint: +prepare the data again with: deno task alore data prepare folder \.\/photos --seed 3 --size 16 --filter bilinear --out NEW\.safetensors; or --interpolation bicubic trains on them as they are/,
    );
    const meant = await train(
      folder,
      "torchvision.safetensors",
      "--interpolation=bicubic",
    );
    assert.equal(meant.code, 0, meant.stderr);
    assert.match(meant.stderr, /std 0\.229 0\.224 0\.225, bicubic/);
  }));

Deno.test("train refuses data that were cropped otherwise, and eval does", () =>
  inFolder(async (folder) => {
    await writeData(folder, 16);
    const refused = await train(folder, "hugging_face");
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /Cannot train on data\.safetensors: got images with crop_pct 1, wanted 0\.8 as the backbone learned\nhint: +prepare the data again with: deno task alore data prepare folder \.\/photos --seed 3 --size 16 --filter bicubic --crop-pct 0\.8 --out NEW\.safetensors; or --crop-pct 1 trains on them as they are/,
    );
    const meant = await train(folder, "hugging_face", "--crop-pct=1");
    assert.equal(meant.code, 0, meant.stderr);
    assert.match(meant.stderr, /bicubic, crop_pct 1\n/);
    const resumed = await alore(folder, "train", "--resume=run");
    assert.equal(resumed.code, 0, resumed.stderr);
    await Deno.rename(`${folder}/data.safetensors`, `${folder}/whole`);
    await writeData(folder, 16, 0.8);
    const other = await alore(
      folder,
      ...["eval", "--run=run", "--data=data.safetensors", "--device=cpu"],
    );
    assert.equal(other.code, 1);
    assert.match(
      other.stderr,
      /Cannot evaluate on data\.safetensors: got images with crop_pct 0\.8, wanted 1 as the backbone learned\nhint: +prepare the data again/,
    );
  }));

Deno.test("predict cuts the share out that the data were prepared with", () =>
  inFolder(async (folder) => {
    await writeData(folder, 16, 0.8);
    const { code, stderr } = await train(folder, "hugging_face");
    assert.equal(code, 0, stderr);
    const data = Uint8Array.from(
      { length: 20 * 20 * 3 },
      (_, i) => (i * 7919) % 251,
    );
    const png = encodePng({ width: 20, height: 20, data });
    await Deno.writeFile(`${folder}/a.png`, png);
    const guess = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await alore(
        folder,
        ...["predict", "--model=run", "--json", "--device=cpu", "a.png"],
        ...words,
      );
      assert.equal(code, 0, stderr);
      return stdout;
    };
    assert.equal(await guess(), await guess("--crop-pct=0.8"));
    assert.notEqual(await guess(), await guess("--crop-pct=1"));
    const merged = await alore(
      folder,
      ...["merge", "--run=run", "--format=hf", "--out=hf", "--device=cpu"],
    );
    assert.equal(merged.code, 0, merged.stderr);
    const preprocessor = JSON.parse(
      await Deno.readTextFile(`${folder}/hf/preprocessor_config.json`),
    );
    assert.deepEqual(preprocessor.size, { height: 20, width: 20 });
    assert.deepEqual(preprocessor["crop_size"], { height: 16, width: 16 });
  }));

Deno.test("train takes another image size when it is told to, and later commands know", () =>
  inFolder(async (folder) => {
    await writeData(folder, 24);
    const refused = await train(folder, "timm");
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /got images of 24 pixels, wanted the backbone's 16\nhint: +prepare the data again with: deno task alore data prepare folder \.\/photos --seed 3 --size 16 --filter bicubic --out NEW\.safetensors; or --image-size 24 --crop-pct 1 trains on them as they are/,
    );
    const meant = await train(
      folder,
      ...["timm", "--image-size=24", "--crop-pct=1"] as const,
    );
    assert.equal(meant.code, 0, meant.stderr);
    assert.match(
      meant.stderr,
      /resized position embeddings from 2 × 2 to 3 × 3 patches/,
    );
    const resumed = await alore(folder, "train", "--resume=run", "--epochs=1");
    assert.equal(resumed.code, 0, resumed.stderr);
    const run = ["--run=run", "--device=cpu"];
    const eval_ = await alore(folder, "eval", ...run);
    assert.equal(eval_.code, 0, eval_.stderr);
    const merged = await alore(folder, "merge", ...run, "--out=m.safetensors");
    assert.equal(merged.code, 0, merged.stderr);
  }));

Deno.test("eval refuses a backbone whose configuration has changed", () =>
  inFolder(async (folder) => {
    await writeData(folder, 16);
    const copy = `${folder}/hugging_face`;
    await Deno.mkdir(copy);
    for await (const { name } of Deno.readDir(fixture("hugging_face"))) {
      await Deno.copyFile(fixture(`hugging_face/${name}`), `${copy}/${name}`);
    }
    const trained = await train(
      folder,
      "hugging_face",
      `--backbone=${copy}`,
      "--crop-pct=1",
    );
    assert.equal(trained.code, 0, trained.stderr);
    const path = `${copy}/config.json`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replace("1e-06", "1e-12"));
    const { code, stderr } = await alore(folder, "eval", "--run=run");
    assert.equal(code, 1);
    assert.match(
      stderr,
      /got a backbone with eps 1e-12, wanted 0\.000001 as it was trained with/,
    );
  }));
