import assert from "node:assert/strict";
import {
  type AugmentOptions,
  augmentSpecs,
  checkAugment,
  loadImage,
  noAugment,
} from "../../../core/data/augment.ts";
import { assertClose, type Numbers } from "../../support/assert_close.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

const SIZE = 8;
const raw = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };
const COUNT = 400;

/** Every image the same: red grows with x, green with y, blue is flat. */
const ramp = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  const x = pixel % SIZE, y = Math.floor(pixel / SIZE);
  return [20 + 10 * x, 20 + 10 * y, 90][i % 3];
});
const split = {
  images: Uint8Array.from(
    { length: COUNT * ramp.length },
    (_, i) => ramp[i % ramp.length],
  ),
  labels: new Int32Array(COUNT),
  count: COUNT,
};

/** (3, SIZE, SIZE) of an image, as 0 to 255. */
function load(
  change: Partial<AugmentOptions>,
  index = 0,
  key = { seed: 0, epoch: 0 },
): Float32Array {
  const out = new Float32Array(3 * SIZE * SIZE);
  loadImage(split, index, SIZE, out, 0, raw, { ...noAugment, ...change }, key);
  return out;
}

function closeLevels(actual: Numbers, wanted: Numbers): void {
  assertClose(actual, wanted, TOLERANCE.augment, "image");
}

const plain = load({});
const flipped = plain.map((_, i) => plain[i - i % SIZE + SIZE - 1 - i % SIZE]);
const indices = Array.from({ length: COUNT }, (_, i) => i);
const at = (image: Float32Array, c: number, y: number, x: number) =>
  image[(c * SIZE + y) * SIZE + x];

Deno.test("loadImage() normalises into its place and touches no other", () => {
  const out = new Float32Array(3 * SIZE * SIZE + 2).fill(7);
  const normalise = { mean: [0.5, 0.25, 0], std: [0.5, 0.25, 1] };
  loadImage(split, 3, SIZE, out, 1, normalise, undefined, {
    seed: 0,
    epoch: 0,
  });
  assert.equal(out[0], 7);
  assert.equal(out.at(-1), 7);
  const image = out.subarray(1, -1);
  closeLevels([at(image, 0, 2, 3) * 127.5], [50 - 127.5]);
  closeLevels([at(image, 1, 2, 3) * 63.75], [40 - 63.75]);
  closeLevels([at(image, 2, 2, 3) * 255], [90]);
});

Deno.test("loadImage() without changes is the image itself", () => {
  closeLevels(
    plain,
    Float32Array.from(plain, (_, i) => {
      const x = i % SIZE, y = Math.floor(i / SIZE) % SIZE;
      return [20 + 10 * x, 20 + 10 * y, 90][Math.floor(i / SIZE / SIZE)];
    }),
  );
});

Deno.test("loadImage() flips as often as asked", () => {
  closeLevels(load({ hflip: 1 }), flipped);
  let flips = 0;
  for (const i of indices) if (load({ hflip: 0.25 }, i)[0] > 50) flips++;
  assert(Math.abs(flips / COUNT - 0.25) < 5 * Math.sqrt(0.25 * 0.75 / COUNT));
});

Deno.test("loadImage() flips alike by copy and by map", () => {
  // A crop of the whole area goes through the map, and keeps every pixel.
  closeLevels(load({ cropScale: 1 }), plain);
  closeLevels(load({ cropScale: 1, hflip: 1 }), flipped);
});

Deno.test("loadImage() crops areas of the size and shape asked for", () => {
  let smallest = Infinity, largest = 0, widest = 0;
  for (const i of indices) {
    const image = load({ cropScale: 0.3, cropRatio: 4 / 3 }, i);
    // Away from the edges a step of one pixel is 10 levels in the source.
    const width = (at(image, 0, 4, 5) - at(image, 0, 4, 3)) / 20;
    const height = (at(image, 1, 5, 4) - at(image, 1, 3, 4)) / 20;
    smallest = Math.min(smallest, width * height);
    largest = Math.max(largest, width * height);
    widest = Math.max(widest, width / height);
    assert(image.every((value) => value > 19.9 && value < 90.1));
  }
  assert(smallest > 0.29 && smallest < 0.35, `${smallest}`);
  assert(largest > 0.9 && largest < 1.01, `${largest}`);
  assert(widest > 1.25 && widest < 4 / 3 + 0.01, `${widest}`);
});

Deno.test("loadImage() shifts by whole pixels and repeats the edge", () => {
  const shifts = new Set<string>();
  for (const i of indices) {
    const image = load({ shift: 2 }, i);
    const dx = Math.round((at(image, 0, 4, 4) - 60) / 10);
    const dy = Math.round((at(image, 1, 4, 4) - 60) / 10);
    shifts.add(`${dx},${dy}`);
    const inside = (v: number) => Math.min(SIZE - 1, Math.max(0, v));
    closeLevels([at(image, 0, 0, 0), at(image, 1, 7, 7)], [
      20 + 10 * inside(dx),
      20 + 10 * inside(7 + dy),
    ]);
  }
  assert.equal(shifts.size, 25);
});

Deno.test("loadImage() rotates about the middle, within the angle", () => {
  let largest = 0;
  for (const i of indices) {
    const image = load({ rotate: 15 }, i);
    const middle = [3, 4].flatMap((y) => [3, 4].map((x) => at(image, 0, y, x)));
    closeLevels([middle.reduce((a, b) => a + b) / 4], [55]);
    const angle = Math.atan2(
      at(image, 0, 4, 4) - at(image, 0, 3, 4),
      at(image, 0, 4, 4) - at(image, 0, 4, 3),
    );
    largest = Math.max(largest, Math.abs(angle * 180 / Math.PI));
  }
  assert(largest > 14 && largest < 15.01, `${largest}`);
});

const grey = (image: Float32Array, i: number) =>
  0.299 * image[i] + 0.587 * image[i + 64] + 0.114 * image[i + 128];

Deno.test("loadImage() scales brightness", () => {
  const factors = indices.map((i) => {
    const image = load({ brightness: 0.5 }, i);
    const factor = image[0] / plain[0];
    closeLevels(image, plain.map((value) => value * factor));
    return factor;
  });
  assert(Math.min(...factors) < 0.52 && Math.min(...factors) >= 0.5);
  assert(Math.max(...factors) > 1.48 && Math.max(...factors) <= 1.5);
});

Deno.test("loadImage() scales contrast about the mean grey", () => {
  const mean = plain.subarray(0, 64).reduce(
    (sum, _, i) => sum + grey(plain, i) / 64,
    0,
  );
  for (const i of indices) {
    const image = load({ contrast: 0.4 }, i);
    const factor = (image[0] - mean) / (plain[0] - mean);
    assert(factor > 0.59 && factor < 1.41);
    closeLevels(image, plain.map((value) => mean + (value - mean) * factor));
  }
});

Deno.test("loadImage() scales saturation about each pixel's grey", () => {
  for (const i of indices.slice(0, 50)) {
    const image = load({ saturation: 0.3 }, i);
    const factor = (image[0] - grey(plain, 0)) / (plain[0] - grey(plain, 0));
    assert(factor > 0.69 && factor < 1.31);
    closeLevels(
      image,
      plain.map((value, j) =>
        grey(plain, j % 64) + (value - grey(plain, j % 64)) * factor
      ),
    );
  }
});

Deno.test("loadImage() inverts, greys, and clamps", () => {
  closeLevels(load({ invert: 1 }), plain.map((value) => 255 - value));
  closeLevels(load({ greyscale: 1 }), plain.map((_, j) => grey(plain, j % 64)));
  for (const i of indices) {
    const image = load({ invert: 0.5, brightness: 1, contrast: 1 }, i);
    assert(image.every((value) => value > -0.01 && value < 255.01));
  }
});

Deno.test("loadImage() depends on seed, epoch and index alone", () => {
  const all = {
    hflip: 0.5,
    cropScale: 0.5,
    cropRatio: 4 / 3,
    shift: 1,
    rotate: 10,
    brightness: 0.2,
    contrast: 0.2,
    saturation: 0.2,
    invert: 0.1,
    greyscale: 0.1,
  };
  const one = load(all, 5, { seed: 1, epoch: 2 });
  load(all, 6, { seed: 1, epoch: 2 });
  assert.deepEqual(load(all, 5, { seed: 1, epoch: 2 }), one);
  for (const [index, seed, epoch] of [[6, 1, 2], [5, 2, 2], [5, 1, 3]]) {
    assert.notDeepEqual(load(all, index, { seed, epoch }), one);
  }
  // Switching a change on leaves the others' draws alone.
  for (const i of indices.slice(0, 50)) {
    const bright = load({ hflip: 0.5, brightness: 0.1 }, i);
    assert.equal(bright[0] > bright[7], load({ hflip: 0.5 }, i)[0] > 50);
  }
});

Deno.test("checkAugment() accepts the specs' defaults and rejects the rest", () => {
  checkAugment(noAugment);
  assert.deepEqual(
    Object.fromEntries(
      augmentSpecs.map(({ name, default: value }) => [name, value]),
    ),
    noAugment,
  );
  const wrong: [Partial<AugmentOptions>, RegExp][] = [
    [{ hflip: 1.1 }, /got hflip 1.1, wanted a number from 0 to 1$/],
    [{ shift: 1.5 }, /got shift 1.5, wanted a whole number from 0 to 1024$/],
    [
      { cropRatio: 0.5 },
      /got cropRatio 0.5, wanted a number from 1 to 10, or 0$/,
    ],
    [{ rotate: NaN }, /got rotate NaN, wanted/],
    [{ invert: -0.1 }, /got invert -0.1, wanted/],
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => checkAugment({ ...noAugment, ...change }), {
      name: "RangeError",
      message,
    });
  }
});
