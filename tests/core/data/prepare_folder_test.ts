import assert from "node:assert/strict";
import { hintOf } from "../../../core/errors.ts";
import { encodeDataset } from "../../../core/data/dataset.ts";
import { folder } from "../../../core/data/prepare_folder.ts";
import { inFolder } from "../../support/folder.ts";
import { plainImage } from "../../support/image.ts";

const context = { seed: 1, command: "data prepare folder …" };
const prepare = (
  source: string,
  options: Parameters<typeof folder.prepare>[1] = {},
) => folder.prepare(source, { size: 4, ...options }, context);

/** Writes images of one colour each; its red tells them apart. */
async function write(
  root: string,
  counts: Record<string, number>,
): Promise<void> {
  let red = 0;
  for (const [path, count] of Object.entries(counts)) {
    await Deno.mkdir(`${root}/${path}`, { recursive: true });
    for (let i = 0; i < count; i++) {
      const image = await plainImage([red++, 0, 0], 6, 5);
      await Deno.writeFile(`${root}/${path}/${i}.png`, image);
    }
  }
}

Deno.test("folder cuts one folder a class into stratified splits", () =>
  inFolder(async (root) => {
    await write(root, { dog: 10, cat: 20 });
    const { dataset, report } = await prepare(root);
    assert.deepEqual(dataset.classes, ["cat", "dog"]);
    assert.deepEqual(report, { notes: [], broken: [], ignored: {} });
    const counts = [...dataset.splits].map(([name, { labels }]) => [
      name,
      labels.filter((label) => label === 0).length,
      labels.filter((label) => label === 1).length,
    ]);
    assert.deepEqual(counts, [["train", 14, 7], ["validation", 2, 1], [
      "test",
      4,
      2,
    ]]);
    const seen = new Set<number>();
    for (const { images, labels } of dataset.splits.values()) {
      labels.forEach((label, i) => {
        const red = images[i * 48];
        assert.equal(label, red < 10 ? 1 : 0);
        seen.add(red);
      });
    }
    assert.equal(seen.size, 30);
    assert.deepEqual((await prepare(root)).dataset, dataset);
    assert.deepEqual(dataset.description.resize, {
      filter: "bicubic",
      size: 4,
      fit: "stretch",
    });
    encodeDataset(dataset, "x");
  }));

Deno.test("folder cuts counts", () =>
  inFolder(async (root) => {
    await write(root, { a: 6, b: 6 });
    const { dataset } = await prepare(root, {
      train: 4,
      validation: 0,
      test: 2,
    });
    const counts = [...dataset.splits].map((
      [name, { count }],
    ) => [name, count]);
    assert.deepEqual(counts, [["train", 4], ["test", 2]]);
  }));

Deno.test("folder keeps the splits of SOURCE/SPLIT/CLASS", () =>
  inFolder(async (root) => {
    await write(root, {
      "train/b": 2,
      "train/a": 1,
      "val/a": 1,
      "test/b/deeper": 3,
    });
    const { dataset, report } = await prepare(root);
    assert.deepEqual(dataset.classes, ["a", "b"]);
    const labels = [...dataset.splits].map((
      [name, split],
    ) => [name, ...split.labels]);
    assert.deepEqual(labels, [
      ["train", 0, 1, 1],
      ["validation", 0],
      ["test", 1, 1, 1],
    ]);
    assert.deepEqual(report.notes, [
      "No images in validation of: b",
      "No images in test of: a",
    ]);
  }));

Deno.test("folder takes a class called train for a class beside others", () =>
  inFolder(async (root) => {
    await write(root, { train: 1, ship: 1 });
    const { dataset } = await prepare(root, { validation: 0, test: 0 });
    assert.deepEqual(dataset.classes, ["ship", "train"]);
  }));

Deno.test("folder sorts numeric classes by value, with a note", () =>
  inFolder(async (root) => {
    await write(root, { "10": 1, "2": 1, "1": 1 });
    const { dataset, report } = await prepare(root, { validation: 0, test: 0 });
    assert.deepEqual(dataset.classes, ["1", "2", "10"]);
    assert.deepEqual(report.notes, [
      "Class names are numbers and are sorted by value",
    ]);
  }));

Deno.test("folder passes dot-folders over and counts files that are no images", () =>
  inFolder(async (root) => {
    await write(root, { a: 1, ".ipynb_checkpoints": 1, "a/.thumbnails": 1 });
    await Deno.writeTextFile(`${root}/a/notes.txt`, "");
    await Deno.writeTextFile(`${root}/a/more.TXT`, "");
    await Deno.writeTextFile(`${root}/a/README`, "");
    await Deno.writeTextFile(`${root}/labels.csv`, "");
    const { dataset, report } = await prepare(root, { validation: 0, test: 0 });
    assert.deepEqual(dataset.classes, ["a"]);
    assert.equal(dataset.splits.get("train")?.count, 1);
    assert.deepEqual(report.ignored, { ".txt": 2, "no extension": 1 });
  }));

Deno.test("folder fails for broken images, naming and counting them", () =>
  inFolder(async (root) => {
    await write(root, { a: 2, b: 2 });
    await Deno.writeTextFile(`${root}/a/bad.jpg`, "no image");
    const cut = { validation: 0, test: 0 };
    await assert.rejects(prepare(root, cut), (error) => {
      assert(error instanceof RangeError);
      assert.match(
        error.message,
        /^Cannot prepare .*: got 1 broken image \(.*\/a\/bad\.jpg\), wanted none; /,
      );
      assert.match(hintOf(error) ?? "", /--skip-broken/);
      return true;
    });
    const { dataset, report } = await prepare(root, {
      ...cut,
      skipBroken: true,
    });
    assert.deepEqual([...dataset.splits.get("train")!.labels], [0, 0, 1, 1]);
    const reds = [0, 1, 2, 3].map((i) =>
      dataset.splits.get("train")!.images[i * 48]
    );
    assert.deepEqual(reds, [0, 1, 2, 3]);
    assert.equal(report.broken.length, 1);
    assert.match(report.broken[0].file, /bad\.jpg$/);
    assert.deepEqual(report.notes, ["Left out 1 broken image"]);
    encodeDataset(dataset, "x");
  }));

Deno.test("folder fails when skipping empties a class", () =>
  inFolder(async (root) => {
    await write(root, { a: 1, b: 0 });
    await Deno.writeTextFile(`${root}/b/bad.jpg`, "no image");
    const options = { validation: 0, test: 0, skipBroken: true };
    await assert.rejects(prepare(root, options), {
      name: "RangeError",
      message: /got no whole image of class "b" in train, wanted at least one/,
    });
  }));

Deno.test("folder counts an image past the pixel limit as broken", () =>
  inFolder(async (root) => {
    await write(root, { a: 1 });
    const options = { validation: 0, test: 0, maxPixels: 29 };
    await assert.rejects(prepare(root, options), {
      name: "ImageError",
      message: /got 6 × 5 pixels, wanted at most 29 in all/,
    });
  }));

const wrong: [string, Record<string, number>, RegExp][] = [
  [
    "an empty class folder",
    { a: 1, b: 0 },
    /\/b: got no images, wanted at least one in every class folder/,
  ],
  [
    "a folder without classes",
    {},
    /got no class folders, wanted one folder of images a class/,
  ],
  [
    "two validation folders",
    { "val/a": 1, "validation/a": 1 },
    /got val and validation, wanted one validation folder/,
  ],
  [
    "a class that training lacks",
    { "train/a": 1, "test/b": 1 },
    /got class "b" in test, wanted the classes of train only/,
  ],
  [
    "a split without classes",
    { "train/a": 1, "test": 0 },
    /\/test: got no class folders/,
  ],
];
for (const [what, counts, message] of wrong) {
  Deno.test(`folder rejects ${what}`, () =>
    inFolder(async (root) => {
      await write(root, counts);
      await assert.rejects(prepare(root), { name: "RangeError", message });
    }));
}

Deno.test("folder rejects a file, a missing folder and a colour that is none", () =>
  inFolder(async (root) => {
    await Deno.writeTextFile(`${root}/x`, "");
    await assert.rejects(prepare(`${root}/x`), {
      message: /got a file, wanted a folder/,
    });
    await assert.rejects(prepare(`${root}/y`), {
      message: /got nothing there/,
    });
    await assert.rejects(prepare(root, { background: "white" }), {
      name: "RangeError",
      message: /got background "white", wanted #rrggbb/,
    });
  }));
