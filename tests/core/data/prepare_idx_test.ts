import assert from "node:assert/strict";
import { encodeDataset } from "../../../core/data/dataset.ts";
import { idx } from "../../../core/data/prepare_idx.ts";
import { inFolder } from "../../support/folder.ts";
import { gzip, idxFile } from "../../support/idx.ts";

const context = { seed: 1, command: "data prepare idx …" };

/** 40 training and 10 test images of 2 × 2, four classes; pixel = index. */
async function write(folder: string, zip = false): Promise<void> {
  for (const [part, count] of [["train", 40], ["t10k", 10]] as const) {
    const pixels = Array.from({ length: count * 4 }, (_, i) => i >> 2);
    const labels = Array.from({ length: count }, (_, i) => i % 4);
    for (
      const [name, file] of [
        [`${part}-images-idx3-ubyte`, idxFile([count, 2, 2], pixels)],
        [`${part}-labels-idx1-ubyte`, idxFile([count], labels)],
      ] as const
    ) {
      if (zip) await Deno.writeFile(`${folder}/${name}.gz`, await gzip(file));
      else await Deno.writeFile(`${folder}/${name}`, file);
    }
  }
}

for (const zip of [false, true]) {
  Deno.test(`idx keeps the official splits [${zip ? "gzipped" : "plain"}]`, () =>
    inFolder(async (folder) => {
      await write(folder, zip);
      const { dataset, report } = await idx.prepare(
        folder,
        { size: 2 },
        context,
      );
      assert.deepEqual([...dataset.splits.keys()], ["train", "test"]);
      const train = dataset.splits.get("train")!;
      assert.equal(train.count, 40);
      assert.deepEqual([...train.images.subarray(12, 24)], Array(12).fill(1));
      assert.deepEqual([...train.labels.subarray(0, 5)], [0, 1, 2, 3, 0]);
      assert.deepEqual(dataset.classes, ["0", "1", "2", "3"]);
      assert.equal(dataset.description.preparedWith, context.command);
      assert.deepEqual(report, { notes: [], broken: [], ignored: {} });
      encodeDataset(dataset, "x");
    }));
}

Deno.test("idx cuts stratified subsets that depend on the seed", () =>
  inFolder(async (folder) => {
    await write(folder);
    const options = {
      size: 2,
      train: 16,
      validation: 8,
      test: 4,
      classes: "a, b,c,d",
    };
    const cut = async (seed: number) => {
      const { dataset } = await idx.prepare(folder, options, {
        ...context,
        seed,
      });
      return dataset;
    };
    const dataset = await cut(1);
    assert.deepEqual(dataset.classes, ["a", "b", "c", "d"]);
    const images = new Set<number>();
    for (const [name, count] of [["train", 16], ["validation", 8]] as const) {
      const split = dataset.splits.get(name)!;
      assert.equal(split.count, count);
      for (let label = 0; label < 4; label++) {
        assert.equal(split.labels.filter((l) => l === label).length, count / 4);
      }
      split.labels.forEach((label, i) => {
        assert.equal(split.images[i * 12] % 4, label);
        images.add(split.images[i * 12]);
      });
    }
    assert.equal(images.size, 24);
    assert.equal(dataset.splits.get("test")?.count, 4);
    assert.deepEqual(await cut(1), dataset);
    assert.notDeepEqual(await cut(2), dataset);
  }));

Deno.test("idx resizes, takes one images file, and reports progress", () =>
  inFolder(async (folder) => {
    await write(folder);
    const told: number[][] = [];
    const { dataset } = await idx.prepare(
      `${folder}/t10k-images-idx3-ubyte`,
      { size: 5 },
      { ...context, progress: (done, total) => told.push([done, total]) },
    );
    assert.deepEqual([...dataset.splits.keys()], ["test"]);
    assert.equal(dataset.splits.get("test")?.images.length, 10 * 75);
    assert.deepEqual(told, [[10, 10]]);
  }));

Deno.test("idx notes a class without images", () =>
  inFolder(async (folder) => {
    await write(folder);
    const classes = "a,b,c,d,e";
    const { report } = await idx.prepare(folder, { classes }, context);
    assert.deepEqual(report.notes, ['Class "e" has no images']);
    await assert.rejects(idx.prepare(folder, { classes: "a,b" }, context), {
      name: "RangeError",
      message: "Cannot name the classes: got 2 names, wanted 4",
    });
  }));

Deno.test("idx rejects folders whose files do not pair up", () =>
  inFolder(async (folder) => {
    const rejects = (message: RegExp) =>
      assert.rejects(idx.prepare(folder, {}, context), {
        name: "RangeError",
        message,
      });
    await rejects(/got no idx files, wanted train-images-idx3-ubyte/);
    const images = idxFile([2, 1, 1], [1, 2]);
    await Deno.writeFile(`${folder}/train-images-idx3-ubyte`, images);
    await rejects(/got train-images-idx3-ubyte without its labels/);
    const labels = `${folder}/train-labels-idx1-ubyte`;
    await Deno.writeFile(labels, idxFile([1], [0]));
    await rejects(/got 2 images of 1 × 1 and 1 labels/);
    await Deno.writeFile(labels, idxFile([2], [0, 1]));
    await Deno.writeFile(
      `${folder}/train-images-idx3-ubyte.gz`,
      await gzip(images),
    );
    await rejects(/train-images-idx3-ubyte.gz beside .*, wanted one pair/);
  }));
