import { sideBeforeCrop } from "./crop.ts";
import { type Filter, type Pixels, resize } from "./resize.ts";

/**
 * How an image that is not square becomes square: `stretch` squashes it whole
 * (VTAB's way), `crop` resizes the short side and cuts the centre out, `pad`
 * resizes the long side and fills the rest.
 */
export type Fit = "stretch" | "crop" | "pad";

/** The ways to fit by name. */
export const fits: readonly Fit[] = ["stretch", "crop", "pad"];

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** White: what is under transparent pixels and around padded ones. */
export const WHITE: Colour = [255, 255, 255];

/** How {@linkcode fitSquare} works. */
export interface FitOptions {
  /** Side of the result in pixels, from 1. */
  size: number;
  /** Default `stretch`. */
  fit?: Fit;
  /** Default `bicubic`. */
  filter?: Filter;
  /** Colour around a padded image; default white. */
  background?: Colour;
  /**
   * Share of the resized image's side whose centre is cut out, in (0, 1];
   * default 1, all of it.
   */
  cropPct?: number;
}

/**
 * Makes an image square, and cuts its centre out where only a share is wanted.
 *
 * `crop` rounds as torchvision's `Resize` and `CenterCrop` do: the long side
 * down, the offset to the nearest, ties to even.
 *
 * @returns An image of `size` × `size`.
 * @throws {RangeError} If the size is not a whole number from 1, or the share is
 * none.
 */
export function fitSquare(source: Pixels, options: FitOptions): Pixels {
  const { size, fit = "stretch", filter = "bicubic", cropPct } = options;
  const { width, height } = source;
  const side = sideBeforeCrop(size, cropPct);
  if (fit === "stretch" || width === height) {
    return centre(resize(source, { width: side, height: side }, filter), size);
  }
  if (fit === "crop") {
    const long = (from: number, short: number) =>
      Math.floor(side * from / short);
    const scaled = width < height
      ? { width: side, height: long(height, width) }
      : { width: long(width, height), height: side };
    return centre(resize(source, scaled, filter), size);
  }
  const short = (from: number, long: number) =>
    Math.max(1, Math.round(side * from / long));
  const scaled = width > height
    ? { width: side, height: short(height, width) }
    : { width: short(width, height), height: side };
  const out = canvas(side, options.background ?? WHITE);
  copy(resize(source, scaled, filter), out, {
    x: Math.floor((side - scaled.width) / 2),
    y: Math.floor((side - scaled.height) / 2),
  });
  return centre(out, size);
}

/** The square in the middle. */
function centre(source: Pixels, size: number): Pixels {
  const { width, height } = source;
  if (width === size && height === size) return source;
  const out = canvas(size, WHITE);
  copy(source, out, {
    x: -roundHalfEven((width - size) / 2),
    y: -roundHalfEven((height - size) / 2),
  });
  return out;
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below & 1) : Math.round(value);
}

function canvas(size: number, colour: Colour): Pixels {
  const data = new Uint8Array(size * size * 3);
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3];
  return { width: size, height: size, data };
}

/** Copies what of `source`, moved by `offset`, lies within `target`. */
function copy(
  source: Pixels,
  target: Pixels,
  offset: { x: number; y: number },
): void {
  const left = Math.max(0, offset.x);
  const right = Math.min(target.width, source.width + offset.x);
  const bottom = Math.min(target.height, source.height + offset.y);
  for (let y = Math.max(0, offset.y); y < bottom; y++) {
    const row = (y - offset.y) * source.width;
    target.data.set(
      source.data.subarray(
        (row + left - offset.x) * 3,
        (row + right - offset.x) * 3,
      ),
      (y * target.width + left) * 3,
    );
  }
}
