import { encodePng } from "../../data/encode_png.ts";

/** An image, (size, size, 3), 0 to 255. */
export interface Square {
  readonly pixels: Uint8Array;
  readonly size: number;
}

/** Larger images are drawn smaller. */
const LARGEST = 96;
/** From nothing over red to bright yellow, evenly brighter. */
const RAMP = [
  [12, 8, 38],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];
/** How much of the picture is the image where the map is zero. */
const IMAGE = 0.75;

/** An image as a PNG in a data URL. */
export function imageUrl(image: Square): string {
  const { pixels, size } = shrunk(image);
  return dataUrl(pixels, size);
}

/**
 * A map over the grey image that it is of, as a PNG in a data URL.
 *
 * @param map `[grid, grid]`, not negative.
 * @param most What is brightest.
 */
export function mapUrl(
  image: Square,
  map: readonly number[],
  most: number,
): string {
  const { pixels, size } = shrunk(image);
  const grid = Math.round(Math.sqrt(map.length));
  const out = new Uint8Array(pixels.length);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = (y * size + x) * 3;
      const patch = Math.floor(y * grid / size) * grid +
        Math.floor(x * grid / size);
      const strength = most > 0 ? Math.min(1, map[patch] / most) : 0;
      const [r, g, b] = pixels.subarray(at, at + 3);
      const grey = 0.35 * (0.299 * r + 0.587 * g + 0.114 * b);
      const share = IMAGE * (1 - strength);
      rampAt(strength).forEach((value, c) =>
        out[at + c] = share * grey + (1 - share) * value
      );
    }
  }
  return dataUrl(out, size);
}

function rampAt(strength: number): number[] {
  const place = strength * (RAMP.length - 1);
  const from = Math.min(RAMP.length - 2, Math.floor(place));
  const within = place - from;
  return RAMP[from].map((value, c) =>
    value + within * (RAMP[from + 1][c] - value)
  );
}

/** Every so many pixels, which is enough for a small picture. */
function shrunk({ pixels, size }: Square): Square {
  if (size <= LARGEST) return { pixels, size };
  const out = new Uint8Array(LARGEST ** 2 * 3);
  for (let y = 0; y < LARGEST; y++) {
    for (let x = 0; x < LARGEST; x++) {
      const [fromY, fromX] = [y, x].map((v) => Math.floor(v * size / LARGEST));
      const from = (fromY * size + fromX) * 3;
      out.set(pixels.subarray(from, from + 3), (y * LARGEST + x) * 3);
    }
  }
  return { pixels: out, size: LARGEST };
}

function dataUrl(data: Uint8Array, size: number): string {
  const png = encodePng({ width: size, height: size, data });
  return `data:image/png;base64,${png.toBase64()}`;
}
