import assert from "node:assert/strict";
import { decodePixels } from "../../../core/data/decode_image.ts";
import { encodePng } from "../../../core/study/png.ts";

Deno.test("encodePng() is decoded to the same pixels", async () => {
  const [width, height] = [7, 5];
  const pixels = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => i * 97 % 256,
  );
  const decoded = await decodePixels(
    encodePng(pixels, width, height),
    "made.png",
  );
  assert.equal(decoded.width, width);
  assert.equal(decoded.height, height);
  assert.deepEqual([...decoded.data], [...pixels]);
});

Deno.test("encodePng() rejects pixels that do not fill the size", () => {
  for (const [length, width] of [[11, 2], [0, 0]]) {
    assert.throws(() => encodePng(new Uint8Array(length), width, width), {
      name: "RangeError",
      message: `Cannot encode a PNG: got ${length} numbers, ` +
        `wanted ${width} × ${width} × 3`,
    });
  }
});
