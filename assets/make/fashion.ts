/** Fashion-MNIST: 28 × 28 grey photographs, coloured at random. */

import type { RandomStream } from "../../core/rng.ts";
import { enlargeGrey } from "./grey.ts";
import { anyColour, luma, SIZE } from "./paint.ts";

/** The classes in the order of their labels (Xiao et al. 2017, table 2). */
export const FASHION_CLASSES = [
  "t-shirt/top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle boot",
];

const GREY_SIDE = 28;

/**
 * Enlarges one photograph, `[28, 28]`, to `[SIZE, SIZE, 3]` (bicubic): mirrored
 * in half the cases; as it is (half), inverted (one in eight) or in two colours.
 */
export function drawGarment(
  grey: Uint8Array,
  random: RandomStream,
): Uint8Array {
  const [ground, ink] = chooseColours(random);
  const mirror = random.next() < 0.5;
  const image = new Uint8Array(SIZE * SIZE * 3);
  const large = enlargeGrey(grey, GREY_SIDE);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const column = mirror ? SIZE - 1 - x : x;
      const share = large[y * SIZE + column] / 255;
      for (let c = 0; c < 3; c++) {
        image[(y * SIZE + x) * 3 + c] = Math.round(
          ground[c] + (ink[c] - ground[c]) * share,
        );
      }
    }
  }
  return image;
}

function chooseColours(random: RandomStream): [number[], number[]] {
  const kind = random.next();
  if (kind < 0.5) return [[0, 0, 0], [255, 255, 255]];
  if (kind < 0.625) return [[255, 255, 255], [0, 0, 0]];
  while (true) {
    const ground = anyColour(random);
    const ink = anyColour(random);
    if (Math.abs(luma(ground) - luma(ink)) >= 100) return [ground, ink];
  }
}
