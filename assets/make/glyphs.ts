/** Letters and digits drawn from open fonts, bent and coloured at random. */

import type { RandomStream } from "../../core/rng.ts";
import { type Face, glyphOutline } from "./fonts.ts";
import { boundingBox, mapPoints } from "./outline.ts";
import {
  anyColour,
  between,
  clippedNormal,
  type Ground,
  inkAndGround,
  luma,
  mix,
  pick,
  SIZE,
  soften,
} from "./paint.ts";
import { type Contour, rasterize } from "./rasterize.ts";

/**
 * Draws one character: `[SIZE, SIZE, 3]`, its longer side 16 to 29 pixels,
 * slanted, turned (standard deviation 8 degrees, at most 16), stretched and
 * gently waved like handwriting.
 */
export function drawGlyph(
  face: Face,
  character: string,
  random: RandomStream,
): Uint8Array {
  const contours = place(glyphOutline(face, character), random);
  let coverage = rasterize(contours, SIZE);
  if (random.next() < 0.4) coverage = soften(coverage, between(random, 0, 0.5));
  const { ink, ground } = inkAndGround(random);
  return mix(coverage, ink, shade(ground, luma(ink), random));
}

/** Turns one coloured ground in four into a run to a like brightness. */
function shade(
  colour: Ground["from"],
  inkLuma: number,
  random: RandomStream,
): Ground {
  const angle = 2 * Math.PI * random.next();
  const grey = colour[0] === colour[1] && colour[1] === colour[2];
  const other = anyColour(random);
  const clear = Math.abs(luma(other) - inkLuma) >= 70;
  const run = !grey && clear && random.next() < 0.5;
  return { from: colour, to: run ? other : colour, angle };
}

function place(outline: Contour[], random: RandomStream): Contour[] {
  const [left, top, right, bottom] = boundingBox(outline);
  const width = right - left;
  const height = bottom - top;
  const side = between(random, 16, 29);
  const scale = side / Math.max(width, height);
  const stretch = Math.exp(0.12 * clippedNormal(random));
  const slant = 0.15 * clippedNormal(random);
  const turn = (8 * Math.PI / 180) * clippedNormal(random);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const room = (SIZE - side) / 2 + 1;
  const shiftX = SIZE / 2 + between(random, -room, room);
  const shiftY = SIZE / 2 + between(random, -room, room);
  const wave = waveField(random);
  return mapPoints(outline, (x, y) => {
    const u = (x - (left + right) / 2) * scale * stretch;
    const v = (y - (top + bottom) / 2) * scale / stretch;
    const [du, dv] = wave(u, v);
    const a = u + du - slant * v;
    const b = v + dv;
    return [cos * a - sin * b + shiftX, sin * a + cos * b + shiftY];
  });
}

/** Returns a smooth displacement of at most 1.6 pixels in each direction. */
function waveField(
  random: RandomStream,
): (x: number, y: number) => [number, number] {
  const strength = pick(random, [0, 0.4, 0.8, 1.6]);
  const wave = () => {
    const turn = 2 * Math.PI * random.next();
    const frequency = 2 * Math.PI * between(random, 0.4, 1.2) / SIZE;
    return {
      x: Math.cos(turn) * frequency,
      y: Math.sin(turn) * frequency,
      phase: 2 * Math.PI * random.next(),
    };
  };
  const [p, q] = [wave(), wave()];
  return (x, y) => [
    strength * Math.sin(p.x * x + p.y * y + p.phase),
    strength * Math.sin(q.x * x + q.y * y + q.phase),
  ];
}
