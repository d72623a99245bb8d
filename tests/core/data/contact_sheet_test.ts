import assert from "node:assert/strict";
import { contactSheet } from "../../../core/data/contact_sheet.ts";
import { decodePixels } from "../../../core/data/decode_image.ts";
import { encodePng } from "../../../core/data/encode_png.ts";

/** Images of one grey each: 10, 20, 30, … */
function split(count: number, size: number) {
  const images = new Uint8Array(count * size * size * 3);
  for (let i = 0; i < images.length; i++) {
    images[i] = 10 + 10 * Math.floor(i / (size * size * 3));
  }
  return { images, labels: new Int32Array(count), count };
}

Deno.test("contactSheet() lays images out in rows, with gaps", () => {
  const sheet = contactSheet(split(3, 1), 1, { columns: 2, scale: 2 });
  assert.deepEqual([sheet.width, sheet.height], [10, 10]);
  const reds = Array.from(
    { length: 10 },
    (_, y) =>
      Array.from({ length: 10 }, (_, x) => sheet.data[(y * 10 + x) * 3]),
  );
  const gap = 255;
  const first = [gap, gap, 10, 10, gap, gap, 20, 20, gap, gap];
  const second = [gap, gap, 30, 30, gap, gap, gap, gap, gap, gap];
  const none = Array(10).fill(gap);
  assert.deepEqual(reds, [
    ...[none, none, first, first, none],
    ...[none, second, second, none, none],
  ]);
});

Deno.test("contactSheet() takes images at even distances", () => {
  const sheet = contactSheet(split(20, 1), 1, { count: 4, columns: 4 });
  const reds = [0, 1, 2, 3].map((i) =>
    sheet.data[(2 * sheet.width + 2 + i * 3) * 3]
  );
  assert.deepEqual(reds, [10, 60, 110, 160]);
  assert.equal(contactSheet(split(20, 1), 1).width, 10 * 3 + 2);
});

Deno.test("contactSheet() rejects numbers that are not whole and positive", () => {
  for (const options of [{ count: 0 }, { columns: 1.5 }, { scale: -1 }]) {
    assert.throws(() => contactSheet(split(2, 1), 1, options), {
      name: "RangeError",
      message: /Cannot make a contact sheet: got .*, wanted/,
    });
  }
});

Deno.test("encodePng() writes what decodePixels() reads", async () => {
  for (const [width, height] of [[1, 1], [7, 3], [300, 200]]) {
    const data = Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => (i * 2654435761) >>> 13,
    );
    const file = encodePng({ width, height, data });
    assert.deepEqual(await decodePixels(file, "x"), { width, height, data });
  }
});

Deno.test("encodePng() rejects data of another size", () => {
  const image = { width: 2, height: 1, data: new Uint8Array(5) };
  assert.throws(() => encodePng(image), {
    name: "TypeError",
    message: "Cannot encode a PNG: got 5 bytes, wanted 2 × 1 × 3",
  });
});
