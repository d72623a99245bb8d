import assert from "node:assert/strict";
import { type Filter, type Pixels, resize } from "../../../core/data/resize.ts";

interface Reference {
  width: number;
  height: number;
  cases: { filter: Filter; width: number; height: number; pixels: string }[];
}

const reference: Reference = JSON.parse(
  await Deno.readTextFile(
    new URL("../../fixtures/images/resize_pil.json", import.meta.url),
  ),
);

function source(): Pixels {
  const { width, height } = reference;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const c = i % 3, x = Math.floor(i / 3) % width;
    const y = Math.floor(i / 3 / width);
    const wave = (x * x * 7 + y * y * 13 + x * y * 31 + c * 97) % 251;
    data[i] = wave + (Math.floor(x / 5) + Math.floor(y / 4)) * 83;
  }
  return { width, height, data };
}

for (const { filter, width, height, pixels } of reference.cases) {
  Deno.test(`resize() equals PIL's ${filter} at ${width} × ${height}`, () => {
    const wanted = Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0));
    const resized = resize(source(), { width, height }, filter);
    assert.deepEqual(resized, { width, height, data: wanted });
  });
}

Deno.test("resize() copies an image that has the size already", () => {
  const image = source();
  const copy = resize(image, image);
  assert.deepEqual(copy, image);
  assert.notEqual(copy.data, image.data);
});

Deno.test("resize() rejects an empty side", () => {
  assert.throws(() => resize(source(), { width: 0, height: 4 }), {
    name: "RangeError",
    message: "Cannot resize 37×23 to 0×4: got a side of 0, wanted at least 1",
  });
});
