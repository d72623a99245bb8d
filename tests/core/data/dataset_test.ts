import assert from "node:assert/strict";
import { hintOf } from "../../../core/errors.ts";
import {
  encodeDataset,
  parseDataset,
  readDataset,
  type UnsavedDataset,
  writeDataset,
} from "../../../core/data/dataset.ts";
import {
  encodeSafetensors,
  parseSafetensors,
  type SafetensorsFile,
} from "../../../core/weights/safetensors.ts";

function sample(): UnsavedDataset {
  const split = (labels: number[], first: number) => ({
    images: Uint8Array.from(
      { length: labels.length * 12 },
      (_, i) => first + i,
    ),
    labels: Int32Array.from(labels),
    count: labels.length,
  });
  return {
    imageSize: 2,
    classes: ["cat", "dog", "__proto__"],
    splits: new Map([
      ["train", split([0, 1, 2, 0], 0)],
      ["test", split([2], 100)],
    ]),
    description: {
      name: "pets",
      source: "photographs",
      licence: "CC0-1.0",
      preparedWith: "data prepare folder pets",
      resize: { filter: "bicubic", size: 2, fit: "stretch" },
      notes: "",
    },
  };
}

/** A file whose parts were changed after a sound one was encoded. */
function changed(change: (file: SafetensorsFile) => void) {
  const file = parseSafetensors(encodeDataset(sample(), "x"), "x");
  change(file);
  return encodeSafetensors(file);
}

Deno.test("readDataset() reads what writeDataset() wrote", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/pets.safetensors`;
  await writeDataset(path, sample());
  const { hash, ...read } = await readDataset(path);
  assert.deepEqual(read, sample());
  const digest = await crypto.subtle.digest(
    "SHA-256",
    await Deno.readFile(path),
  );
  assert.equal(hash, new Uint8Array(digest).toHex());
  await assert.rejects(writeDataset(path, sample()), {
    name: "RangeError",
    message: /got a path that exists/,
  });
  await Deno.remove(folder, { recursive: true });
});

const bytesOf = (values: number[]) =>
  new Uint8Array(Int32Array.from(values).buffer);

const broken: [string, (file: SafetensorsFile) => void, string, RegExp][] = [
  [
    "another format",
    ({ metadata }) => delete metadata.format,
    "SyntaxError",
    /got format null in its metadata, wanted "alore-dataset"/,
  ],
  [
    "another version",
    ({ metadata }) => metadata.version = "2",
    "SyntaxError",
    /got data set version 2, wanted 1/,
  ],
  [
    "classes that are no JSON",
    ({ metadata }) => metadata.classes = "cat",
    "SyntaxError",
    /got classes that are no JSON array of strings/,
  ],
  [
    "a description without a licence",
    ({ metadata }) =>
      metadata.description = metadata.description.replace("licence", "license"),
    "SyntaxError",
    /got undefined for "licence" of its description, wanted a string/,
  ],
  [
    "a description without a filter",
    ({ metadata }) =>
      metadata.description = metadata.description.replace("filter", "f"),
    "SyntaxError",
    /for "resize" of its description, wanted filter, size and fit/,
  ],
  [
    "a class twice",
    ({ metadata }) => metadata.classes = '["cat","dog","cat"]',
    "RangeError",
    /got class "cat" twice/,
  ],
  [
    "a label past the classes",
    ({ tensors }) => tensors.get("train.labels")!.data = bytesOf([0, 1, 3, 0]),
    "RangeError",
    /got label 3 of image 2, wanted 0 to 2 in train/,
  ],
  [
    "a negative label",
    ({ tensors }) => tensors.get("test.labels")!.data = bytesOf([-1]),
    "RangeError",
    /got label -1 of image 0, wanted 0 to 2 in test/,
  ],
  [
    "labels of another count",
    ({ tensors }) =>
      tensors.set("test.labels", {
        dtype: "I32",
        shape: [2],
        data: bytesOf([0, 0]),
      }),
    "RangeError",
    /got test.images \[1,2,2,3\] and test.labels \[2\], wanted \[N,S,S,3\]/,
  ],
  [
    "images that are not square",
    ({ tensors }) => tensors.get("train.images")!.shape = [4, 1, 4, 3],
    "RangeError",
    /got train.images \[4,1,4,3\]/,
  ],
  [
    "splits of other sizes",
    ({ tensors }) =>
      tensors.set("test.images", {
        dtype: "U8",
        shape: [1, 1, 1, 3],
        data: new Uint8Array(3),
      }),
    "RangeError",
    /got test.images \[1,1,1,3\] .* with S = 2/,
  ],
  [
    "images without labels",
    ({ tensors }) => tensors.delete("train.labels"),
    "SyntaxError",
    /got U8 train.images and no train.labels, wanted U8 and I32/,
  ],
  [
    "labels of another type",
    ({ tensors }) =>
      tensors.set("test.labels", {
        dtype: "U8",
        shape: [1],
        data: new Uint8Array(1),
      }),
    "SyntaxError",
    /got U8 test.images and U8 test.labels/,
  ],
  [
    "a tensor it does not know",
    ({ tensors }) =>
      tensors.set("val.images", {
        dtype: "U8",
        shape: [0],
        data: new Uint8Array(0),
      }),
    "SyntaxError",
    /got a tensor "val.images"/,
  ],
  [
    "no split",
    ({ tensors }) => tensors.clear(),
    "RangeError",
    /got images of size 0/,
  ],
];

for (const [what, change, name, message] of broken) {
  Deno.test(`parseDataset() rejects ${what}`, async () => {
    await assert.rejects(parseDataset(changed(change), "pets"), (error) => {
      assert(error instanceof Error);
      assert.equal(error.name, name);
      assert.match(error.message, /^Cannot read pets: got .*, wanted /);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("parseDataset() says how to make a data set file", async () => {
  const bytes = changed(({ metadata }) => delete metadata.format);
  const error = await parseDataset(bytes, "x").catch((error) => error);
  assert.match(hintOf(error) ?? "", /data prepare/);
});

Deno.test("encodeDataset() rejects parts that disagree", () => {
  const dataset = sample();
  dataset.splits.get("test")!.labels[0] = 3;
  assert.throws(() => encodeDataset(dataset, "pets"), {
    name: "RangeError",
    message: "Cannot write pets: got label 3 of image 0, wanted 0 to 2 in test",
  });
  const short = sample();
  short.splits.get("test")!.images = new Uint8Array(11);
  assert.throws(() => encodeDataset(short, "pets"), {
    name: "RangeError",
    message: /got 11 bytes of images and 1 labels, wanted 12 and 1 in test/,
  });
  const none = { ...sample(), splits: new Map() };
  assert.throws(() => encodeDataset(none, "pets"), {
    name: "RangeError",
    message: /got no split/,
  });
});
