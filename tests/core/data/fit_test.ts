import assert from "node:assert/strict";
import { fitSquare } from "../../../core/data/fit.ts";
import { type Pixels, resize } from "../../../core/data/resize.ts";

/** An image whose red is x and green is y. */
function ramp(width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([x, y, 7], (y * width + x) * 3);
  }
  return { width, height, data };
}

const reds = (image: Pixels, y: number) =>
  Array.from(
    { length: image.width },
    (_, x) => image.data[(y * image.width + x) * 3],
  );
const greens = (image: Pixels, x: number) =>
  Array.from(
    { length: image.height },
    (_, y) => image.data[(y * image.width + x) * 3 + 1],
  );

Deno.test("fitSquare() stretches the whole image by default", () => {
  const image = ramp(40, 20);
  assert.deepEqual(
    fitSquare(image, { size: 10 }),
    resize(image, { width: 10, height: 10 }, "bicubic"),
  );
});

Deno.test("fitSquare() cuts the centre out, ties to even", () => {
  // 9 − 4 = 5, half of it 2.5, to even 2; 7 − 4 = 3, half of it 1.5, to even 2.
  const fit = "crop" as const;
  assert.deepEqual(reds(fitSquare(ramp(9, 4), { size: 4, fit }), 0), [
    2,
    3,
    4,
    5,
  ]);
  assert.deepEqual(greens(fitSquare(ramp(4, 7), { size: 4, fit }), 3), [
    2,
    3,
    4,
    5,
  ]);
});

Deno.test("fitSquare() pads with the background", () => {
  const padded = fitSquare(ramp(4, 2), {
    size: 4,
    fit: "pad",
    background: [200, 201, 202],
  });
  assert.deepEqual(greens(padded, 1), [201, 0, 1, 201]);
  assert.deepEqual(reds(padded, 0), [200, 200, 200, 200]);
  const tall = fitSquare(ramp(1, 400), { size: 4, fit: "pad" });
  assert.deepEqual(reds(tall, 0), [255, 0, 255, 255]);
});

Deno.test("fitSquare() cuts the centre's share out, whatever the fit", () => {
  const share = { size: 8, cropPct: 0.8 };
  const inner = [1, 2, 3, 4, 5, 6, 7, 8];
  const square = fitSquare(ramp(10, 10), share);
  assert.deepEqual([square.width, square.height], [8, 8]);
  assert.deepEqual(reds(square, 0), inner);
  assert.deepEqual(greens(square, 7), inner);
  const wide = fitSquare(ramp(14, 10), { ...share, fit: "crop" });
  assert.deepEqual(reds(wide, 5), inner.map((x) => x + 2));
  assert.deepEqual(greens(wide, 5), inner);
  const low = fitSquare(ramp(10, 6), { ...share, fit: "pad" });
  assert.deepEqual(reds(low, 3), inner);
  assert.deepEqual(greens(low, 3), [255, 0, 1, 2, 3, 4, 5, 255]);
});
