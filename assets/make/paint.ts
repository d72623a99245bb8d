/** Colours and grounds: how a shape becomes a 32 × 32 RGB image. */

import type { RandomStream } from "../../core/rng.ts";

/** Red, green and blue, 0 to 255. */
export type Colour = [number, number, number];

/** The side of every image of the corpus, in pixels. */
export const SIZE = 32;

const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];

/** Returns a number uniform in [low, high). */
export function between(
  random: RandomStream,
  low: number,
  high: number,
): number {
  return low + (high - low) * random.next();
}

/** Returns one element, each equally likely. */
export function pick<T>(random: RandomStream, items: readonly T[]): T {
  return items[random.below(items.length)];
}

/** Returns a standard normal number cut off at ±2. */
export function clippedNormal(random: RandomStream): number {
  return Math.max(-2, Math.min(2, random.normal()));
}

/** Returns a colour uniform in RGB. */
export function anyColour(random: RandomStream): Colour {
  return [255 * random.next(), 255 * random.next(), 255 * random.next()];
}

/** Returns the brightness of a colour, 0 to 255 (Rec. 601 weights). */
export function luma(colour: Colour): number {
  return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
}

/**
 * Returns ink and ground whose brightness differs by at least 70: light on
 * black in two of five, dark on white in one of five, coloured in the rest.
 */
export function inkAndGround(
  random: RandomStream,
): { ink: Colour; ground: Colour } {
  const kind = random.next();
  if (kind < 0.6) {
    const strength = random.next() < 0.5 ? 255 : between(random, 150, 255);
    const light: Colour = [strength, strength, strength];
    if (kind < 0.4) return { ink: light, ground: BLACK };
    const dark = 255 - strength;
    return { ink: [dark, dark, dark], ground: WHITE };
  }
  while (true) {
    const ink = anyColour(random);
    const ground = anyColour(random);
    if (Math.abs(luma(ink) - luma(ground)) >= 70) return { ink, ground };
  }
}

/** A ground: one colour, or a straight run from one to another. */
export interface Ground {
  from: Colour;
  to: Colour;
  angle: number;
}

/** Returns a ground that lets transparent drawings meet many surroundings. */
export function anyGround(random: RandomStream): Ground {
  const kind = random.next();
  const angle = 2 * Math.PI * random.next();
  if (kind < 0.25) return { from: WHITE, to: WHITE, angle };
  if (kind < 0.5) return { from: BLACK, to: BLACK, angle };
  const from = anyColour(random);
  return { from, to: kind < 0.75 ? from : anyColour(random), angle };
}

/** Returns the ground's colour at a pixel. */
export function groundAt(ground: Ground, x: number, y: number): Colour {
  const along = (x - SIZE / 2) * Math.cos(ground.angle) +
    (y - SIZE / 2) * Math.sin(ground.angle);
  const share = Math.max(0, Math.min(1, along / SIZE + 0.5));
  return ground.from.map((from, c) =>
    from + (ground.to[c] - from) * share
  ) as Colour;
}

/**
 * Mixes two colours by a coverage of 0 to 1 a pixel.
 *
 * Shapes: coverage `[SIZE * SIZE]`, result `[SIZE, SIZE, 3]`.
 */
export function mix(
  coverage: Float32Array,
  ink: Colour,
  ground: Ground,
): Uint8Array {
  const image = new Uint8Array(SIZE * SIZE * 3);
  for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
    const behind = groundAt(ground, pixel % SIZE, Math.floor(pixel / SIZE));
    for (let c = 0; c < 3; c++) {
      const value = behind[c] + (ink[c] - behind[c]) * coverage[pixel];
      image[pixel * 3 + c] = Math.round(value);
    }
  }
  return image;
}

/** Blurs a coverage by the kernel [w, 1, w] in both directions. */
export function soften(coverage: Float32Array, weight: number): Float32Array {
  const across = softenAxis(coverage, weight, 1, SIZE);
  return softenAxis(across, weight, SIZE, 1);
}

function softenAxis(
  values: Float32Array,
  weight: number,
  step: number,
  lineStep: number,
): Float32Array {
  const result = new Float32Array(values.length);
  for (let line = 0; line < SIZE; line++) {
    for (let i = 0; i < SIZE; i++) {
      const at = line * lineStep + i * step;
      const before = i > 0 ? values[at - step] : 0;
      const after = i < SIZE - 1 ? values[at + step] : 0;
      result[at] = (values[at] + weight * (before + after)) / (1 + 2 * weight);
    }
  }
  return result;
}
