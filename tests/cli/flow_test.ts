/**
 * What a user does with a folder of images, from start to end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseDataset } from "../../core/data/dataset.ts";
import { readBackbone } from "../../core/models/backbone.ts";
import { modelTensors } from "../../core/models/architectures.ts";
import { RandomStream } from "../../core/rng.ts";
import { alore, type Ended } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { plainImage } from "../support/image.ts";
import { SMALL, writeSmallBackbone } from "../support/small_run.ts";

/** Two classes that any model can tell apart. */
async function writePhotos(folder: string): Promise<void> {
  const random = new RandomStream(0, "photos");
  for (const name of ["dark", "light"]) {
    await Deno.mkdir(`${folder}/photos/${name}`, { recursive: true });
    for (let i = 0; i < 20; i++) {
      const grey = Math.floor(60 * random.next()) + (name === "dark" ? 0 : 190);
      const image = await plainImage([grey, grey, grey], 24, 16);
      await Deno.writeFile(`${folder}/photos/${name}/${i}.png`, image);
    }
  }
}

/** The output of a command that must succeed. */
function good(ended: Ended): Ended {
  assert.equal(ended.code, 0, ended.stderr);
  // deno-lint-ignore no-control-regex -- that is what must not be there
  assert.doesNotMatch(ended.stdout + ended.stderr, /[\x00-\x09\x0b-\x1f\x7f]/);
  return ended;
}

Deno.test("alore adapts, tests, folds and predicts a folder of images", () =>
  inFolder(async (folder) => {
    await writePhotos(folder);
    await writeSmallBackbone(folder);
    const run = async (...words: string[]) =>
      good(await alore(folder, ...words));
    const json = async (...words: string[]) =>
      JSON.parse((await run(...words, "--json")).stdout);

    const prepared = await json(
      ...["data", "prepare", "folder", "photos", "--out=photos.safetensors"],
      ...["--size=16", "--seed=1"],
    );
    assert.deepEqual(prepared.classes, ["dark", "light"]);
    const bytes = await Deno.readFile(`${folder}/photos.safetensors`);
    const dataset = await parseDataset(bytes, "photos");
    assert.equal(
      dataset.description.preparedWith,
      "alore data prepare folder photos --seed 1 --size 16",
    );
    assert.match(
      (await run("data", "check", "photos.safetensors")).stdout,
      /Good/,
    );
    await run("data", "show", "photos.safetensors", "--out=sheet.png");
    const sheet = await Deno.readFile(`${folder}/sheet.png`);
    assert.deepEqual([...sheet.subarray(1, 4)], [0x50, 0x4e, 0x47]);

    const trained = await run(
      ...["train", "--data=photos.safetensors", "--method=alore", "--epochs=8"],
      ...["--backbone=small.safetensors", "--out=runs/photos", "--lr=0.02"],
      ...["--device=cpu", "--batch-size=8"],
    );
    const epochs = trained.stderr.match(/epoch \d+\/8 .*loss .* img\/s/g);
    assert.equal(epochs?.length, 8);
    assert.match(
      trained.stdout,
      /^Next +deno task alore eval --run runs\/photos$/m,
    );

    const tested = await json("eval", "--run=runs/photos", "--device=cpu");
    assert.equal(tested.top1, 1);
    assert.deepEqual(tested.confusion, [[4, 0], [0, 4]]);
    const report = await Deno.readTextFile(`${folder}/runs/photos/report.html`);
    assert.match(report, /^\s*<!doctype html>/i);
    const best = await json("eval", "--run=runs/photos", "--best", "--merged");
    assert.equal(best.merge.agreement, best.count);

    const merged = await json(
      ...["merge", "--run=runs/photos", "--out=plain.safetensors"],
    );
    assert.equal(merged.agreement, merged.images);
    assert.equal(merged.folded.length, 4);
    const plain = await readBackbone(`${folder}/plain.safetensors`);
    assert.deepEqual(
      [...plain.tensors.keys()].sort(),
      [...modelTensors(SMALL).keys()].sort(),
    );

    const images = ["photos/dark/0.png", "photos/light/0.png"];
    for (const model of ["runs/photos", "plain.safetensors"]) {
      const found = await json("predict", "--model", model, ...images);
      const classes = found.images.map(
        (image: { guesses: { class: string }[] }) => image.guesses[0].class,
      );
      assert.deepEqual(classes, ["dark", "light"], model);
    }
  }));

Deno.test("alore data prepare --skip-broken leaves broken images out", () =>
  inFolder(async (folder) => {
    await writePhotos(folder);
    await Deno.writeTextFile(`${folder}/photos/dark/x.png`, "no image");
    await Deno.writeTextFile(`${folder}/photos/dark/notes.txt`, "a text");
    const { stdout, stderr } = good(
      await alore(
        folder,
        ...["data", "prepare", "folder", "photos", "--out=p.safetensors"],
        ...["--skip-broken", "--json"],
      ),
    );
    const { report } = JSON.parse(stdout);
    assert.deepEqual(
      report.broken.map(({ file }: { file: string }) => file),
      ["photos/dark/x.png"],
    );
    assert.match(stderr, /left out photos\/dark\/x\.png/);
    assert.match(stderr, /^Ignored 1 file: \.txt$/m);
  }));
