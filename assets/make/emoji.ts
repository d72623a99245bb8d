/** Emoji cut from a sheet, turned and set on a ground at random. */

import type { RandomStream } from "../../core/rng.ts";
import type { Cell, Emoji } from "./emoji_classes.ts";
import {
  anyGround,
  between,
  clippedNormal,
  type Colour,
  groundAt,
  luma,
  pick,
  SIZE,
} from "./paint.ts";

/** All drawings of one artist: RGBA, cells of 64 pixels and a clear border. */
export interface Sheet {
  width: number;
  pixels: Uint8Array;
}

const CELL = 64;
const PITCH = CELL + 2;

/** Each pixel is the mean of SUB × SUB samples. */
const SUB = 2;

/**
 * Draws one emoji as `[SIZE, SIZE, 3]`: 25 to 36 pixels wide, turned (standard
 * deviation 7 degrees, at most 14), shifted by up to 2 pixels, mirrored in half
 * the cases unless it is a symbol, in any skin tone it has, grey in one of
 * eight.
 */
export function drawEmoji(
  sheet: Sheet,
  emoji: Emoji,
  random: RandomStream,
): Uint8Array {
  const toned = emoji.toned.length > 0 && random.next() < 0.6;
  const cell = toned ? pick(random, emoji.toned) : emoji.plain;
  const toCell = place(random, emoji.category !== "Symbols");
  const ground = anyGround(random);
  const grey = random.next() < 0.125;
  const image = new Uint8Array(SIZE * SIZE * 3);
  const sum = new Float64Array(4);
  for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
    const x = pixel % SIZE;
    const y = Math.floor(pixel / SIZE);
    sum.fill(0);
    for (let sample = 0; sample < SUB * SUB; sample++) {
      const u = x + ((sample % SUB) + 0.5) / SUB;
      const v = y + (Math.floor(sample / SUB) + 0.5) / SUB;
      addSample(sheet, cell, toCell(u, v), sum);
    }
    const clear = 1 - sum[3] / (255 * SUB * SUB);
    const rgb = groundAt(ground, x, y)
      .map((behind, c) => sum[c] / (SUB * SUB) + behind * clear) as Colour;
    if (grey) rgb.fill(luma(rgb));
    image.set(rgb.map(Math.round), pixel * 3);
  }
  return image;
}

/** Returns the way from a point of the image to a point of the cell. */
function place(
  random: RandomStream,
  mirrored: boolean,
): (x: number, y: number) => [number, number] {
  const scale = CELL / between(random, 25, 36);
  const turn = (7 * Math.PI / 180) * clippedNormal(random);
  const mirror = mirrored && random.next() < 0.5 ? -1 : 1;
  const cos = Math.cos(turn) * scale;
  const sin = Math.sin(turn) * scale;
  const centreX = SIZE / 2 + between(random, -2, 2);
  const centreY = SIZE / 2 + between(random, -2, 2);
  return (x, y) => {
    const u = x - centreX;
    const v = y - centreY;
    return [
      mirror * (cos * u + sin * v) + CELL / 2,
      cos * v - sin * u + CELL / 2,
    ];
  };
}

/** Adds a bilinear sample, its colours weighted by their opacity. */
function addSample(
  sheet: Sheet,
  cell: Cell,
  [x, y]: [number, number],
  sum: Float64Array,
): void {
  const left = cell.column * PITCH + 1;
  const top = cell.row * PITCH + 1;
  // Pixel centres lie at half numbers.
  const x0 = Math.floor(x - 0.5);
  const y0 = Math.floor(y - 0.5);
  for (let corner = 0; corner < 4; corner++) {
    const cx = x0 + (corner & 1);
    const cy = y0 + (corner >> 1);
    if (cx < 0 || cy < 0 || cx >= CELL || cy >= CELL) continue;
    const weight = (1 - Math.abs(x - 0.5 - cx)) * (1 - Math.abs(y - 0.5 - cy));
    const at = ((top + cy) * sheet.width + left + cx) * 4;
    const alpha = sheet.pixels[at + 3] * weight;
    sum[0] += sheet.pixels[at] * alpha / 255;
    sum[1] += sheet.pixels[at + 1] * alpha / 255;
    sum[2] += sheet.pixels[at + 2] * alpha / 255;
    sum[3] += alpha;
  }
}
