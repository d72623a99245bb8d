import assert from "node:assert/strict";
import {
  decodeImage,
  decodePixels,
  ImageError,
} from "../../../core/data/decode_image.ts";
import type { Pixels } from "../../../core/data/resize.ts";
import {
  type Sharp,
  type SharpConstructor,
  withSharp,
} from "../../../core/data/sharp.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

let sharp: SharpConstructor;
await withSharp((loaded) => {
  sharp = loaded;
  return Promise.resolve();
});

/** The bytes of an image file. */
const encoded = (image: Sharp) => withSharp(() => image.toBuffer());

const metadata = (bytes: Uint8Array) =>
  withSharp((sharp) => sharp(bytes).metadata());

/** Red, green, blue and grey: the quadrants of every image here. */
const QUADRANTS = [[220, 30, 40], [30, 200, 60], [40, 50, 210], [
  128,
  128,
  128,
]];

function quadrants(width = 16, height = 16): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const right = i % width >= width / 2 ? 1 : 0;
    const below = i >= width * height / 2 ? 2 : 0;
    data.set(QUADRANTS[right + below], i * 3);
  }
  return data;
}

const image = (width = 16, height = 16) =>
  sharp(quadrants(width, height), { raw: { width, height, channels: 3 } });

/** Colours at the middles of the quadrants. */
function corners({ width, height, data }: Pixels): number[][] {
  return [[1, 1], [3, 1], [1, 3], [3, 3]].map(([x, y]) => {
    const at =
      (Math.floor(height * y / 4) * width + Math.floor(width * x / 4)) * 3;
    return [...data.subarray(at, at + 3)];
  });
}

function assertNear(pixels: Pixels, wanted: number[][], levels: number): void {
  corners(pixels).forEach((colour, i) => {
    const off = Math.max(...colour.map((c, j) => Math.abs(c - wanted[i][j])));
    assert(
      off <= levels,
      `got ${colour}, wanted ${wanted[i]} within ${levels}`,
    );
  });
}

const fixture = (name: string) =>
  Deno.readFile(new URL(`../../fixtures/images/${name}`, import.meta.url));

const LOSSY = TOLERANCE.lossyLevels;

Deno.test("decodePixels() keeps PNG, TIFF and lossless WebP exactly", async () => {
  for (
    const file of [
      image().png(),
      image().tiff({ compression: "lzw" }),
      image().webp({ lossless: true }),
    ]
  ) {
    const pixels = await decodePixels(await encoded(file), "x");
    assert.deepEqual(pixels, { width: 16, height: 16, data: quadrants() });
  }
});

Deno.test("decodePixels() reads JPEG, AVIF and GIF", async () => {
  for (
    const file of [
      image().jpeg({ quality: 95 }),
      image(64, 64).avif({ quality: 90 }),
      image().gif(),
    ]
  ) {
    assertNear(
      await decodePixels(await encoded(file), "x"),
      QUADRANTS,
      LOSSY,
    );
  }
});

for (const name of ["cmyk.jpg", "ycck.jpg", "cmyk.tif"]) {
  Deno.test(`decodePixels() turns the inks of ${name} into colours`, async () => {
    assertNear(await decodePixels(await fixture(name), name), QUADRANTS, LOSSY);
  });
}

Deno.test("decodePixels() reads grey as three equal channels", async () => {
  const grey = sharp(Uint8Array.of(0, 90, 200, 255), {
    raw: { width: 2, height: 2, channels: 1 },
  });
  for (
    const file of [grey.clone().png(), grey.clone().toColourspace("b-w").png()]
  ) {
    const { data } = await decodePixels(await encoded(file), "x");
    assert.deepEqual([...data], [
      0,
      0,
      0,
      90,
      90,
      90,
      200,
      200,
      200,
      255,
      255,
      255,
    ]);
  }
});

Deno.test("decodePixels() looks palette colours up", async () => {
  const bytes = await encoded(image().png({ palette: true }));
  assert.equal((await metadata(bytes)).isPalette, true);
  assertNear(await decodePixels(bytes, "x"), QUADRANTS, 1);
});

Deno.test("decodePixels() keeps the upper 8 of 16 bits", async () => {
  const values = Uint16Array.of(0, 0x1234, 0xabff, 0xffff, 0x80fe, 0x7f00);
  const rgb = sharp(values, { raw: { width: 2, height: 1, channels: 3 } })
    .toColourspace("rgb16");
  const bytes = await encoded(rgb.png());
  assert.equal((await metadata(bytes)).depth, "ushort");
  const { data } = await decodePixels(bytes, "x");
  assert.deepEqual([...data], [0, 0x12, 0xab, 0xff, 0x80, 0x7f]);
  const grey = sharp(values, { raw: { width: 6, height: 1, channels: 1 } })
    .toColourspace("grey16");
  const greyBytes = await encoded(grey.png());
  assert.equal((await metadata(greyBytes)).depth, "ushort");
  const decoded = await decodePixels(greyBytes, "x");
  const wanted = [0, 0x12, 0xab, 0xff, 0x80, 0x7f].flatMap((v) => [v, v, v]);
  assert.deepEqual([...decoded.data], wanted);
});

Deno.test("decodePixels() lays transparent pixels on the background", async () => {
  const bytes = await encoded(
    sharp(
      Uint8Array.of(10, 20, 30, 255, 10, 20, 30, 0, 100, 100, 100, 51),
      { raw: { width: 3, height: 1, channels: 4 } },
    ).png(),
  );
  const onWhite = await decodePixels(bytes, "x");
  assert.deepEqual([...onWhite.data], [
    10,
    20,
    30,
    255,
    255,
    255,
    224,
    224,
    224,
  ]);
  const onRed = await decodePixels(bytes, "x", { background: [255, 0, 0] });
  assert.deepEqual([...onRed.data], [10, 20, 30, 255, 0, 0, 224, 20, 20]);
  const grey = await encoded(
    sharp(Uint8Array.of(9, 255, 9, 0), {
      raw: { width: 2, height: 1, channels: 2 },
    }).toColourspace("b-w").png(),
  );
  const { data } = await decodePixels(grey, "x");
  assert.deepEqual([...data], [9, 9, 9, 255, 255, 255]);
});

/** Where each quadrant of the stored image ends up, by EXIF orientation. */
const ORIENTED: Record<number, number[]> = {
  1: [0, 1, 2, 3],
  2: [1, 0, 3, 2],
  3: [3, 2, 1, 0],
  4: [2, 3, 0, 1],
  5: [0, 2, 1, 3],
  6: [2, 0, 3, 1],
  7: [3, 1, 2, 0],
  8: [1, 3, 0, 2],
};

for (const [orientation, order] of Object.entries(ORIENTED)) {
  Deno.test(`decodePixels() turns EXIF orientation ${orientation} upright`, async () => {
    const bytes = await encoded(
      image(32, 16).jpeg({ quality: 95 })
        .withMetadata({ orientation: Number(orientation) }),
    );
    const upright = await decodePixels(bytes, "x");
    assertNear(upright, order.map((i) => QUADRANTS[i]), LOSSY);
    const turned = Number(orientation) >= 5;
    assert.equal(upright.width, turned ? 16 : 32);
    const stored = await decodePixels(bytes, "x", { orient: false });
    assertNear(stored, QUADRANTS, LOSSY);
    assert.equal(stored.width, 32);
  });
}

Deno.test("decodeImage() gives a square of the size", async () => {
  const bytes = await encoded(image(40, 20).png());
  const data = await decodeImage(bytes, "x", { size: 8 });
  assert.equal(data.length, 8 * 8 * 3);
  assertNear({ width: 8, height: 8, data }, QUADRANTS, 20);
});

function rejects(bytes: Uint8Array, message: RegExp): Promise<void> {
  return assert.rejects(decodePixels(bytes, "cat.jpg"), (error) => {
    assert(error instanceof ImageError);
    assert.match(error.message, /^Cannot decode cat\.jpg: got .*, wanted /);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("decodePixels() names a file that is no whole image", async () => {
  const jpeg = await encoded(image(64, 64).jpeg());
  const png = await encoded(image(64, 64).png());
  await rejects(new Uint8Array(0), /do not decode/);
  await rejects(
    new TextEncoder().encode("not an image"),
    /unsupported image format/,
  );
  await rejects(
    new Uint8Array([...png.subarray(0, 8), 1, 2, 3]),
    /do not decode \([^)]*header\)/,
  );
  await rejects(jpeg.subarray(0, jpeg.length - 200), /do not decode/);
  await rejects(png.subarray(0, png.length - 60), /do not decode/);
  await rejects(
    new TextEncoder().encode(
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    ),
    /got a file of type svg/,
  );
});

Deno.test("decodePixels() refuses too many pixels by the header alone", async () => {
  const bytes = await encoded(image().png());
  // Width and height of the PNG header, then the chunk's checksum.
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(16, 20_000);
  view.setUint32(20, 20_000);
  view.setUint32(29, crc32(bytes.subarray(12, 29)));
  await rejects(
    bytes,
    /got 20000 × 20000 pixels, wanted at most 100000000 in all/,
  );
  const small = await encoded(image().png());
  await assert.rejects(decodePixels(small, "x", { maxPixels: 255 }), {
    name: "ImageError",
    message: "Cannot decode x: got 16 × 16 pixels, wanted at most 255 in all",
  });
  await decodePixels(small, "x", { maxPixels: 256 });
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
  }
  return ~crc >>> 0;
}
