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
}

/**
 * Makes an image square.
 *
 * `crop` rounds as torchvision's `Resize` and `CenterCrop` do: the long side
 * down, the offset to the nearest, ties to even.
 *
 * @returns An image of `size` × `size`.
 * @throws {RangeError} If the size is not a whole number from 1.
 */
export function fitSquare(source: Pixels, options: FitOptions): Pixels {
  const { size, fit = "stretch", filter = "bicubic" } = options;
  const { width, height } = source;
  const whole = { width: size, height: size };
  if (fit === "stretch" || width === height) {
    return resize(source, whole, filter);
  }
  if (fit === "crop") {
    const long = (side: number, short: number) =>
      Math.floor(size * side / short);
    const scaled = width < height
      ? { width: size, height: long(height, width) }
      : { width: long(width, height), height: size };
    const resized = resize(source, scaled, filter);
    const out = canvas(size, WHITE);
    copy(resized, out, {
      x: -roundHalfEven((scaled.width - size) / 2),
      y: -roundHalfEven((scaled.height - size) / 2),
    });
    return out;
  }
  const short = (side: number, long: number) =>
    Math.max(1, Math.round(size * side / long));
  const scaled = width > height
    ? { width: size, height: short(height, width) }
    : { width: short(width, height), height: size };
  const out = canvas(size, options.background ?? WHITE);
  copy(resize(source, scaled, filter), out, {
    x: Math.floor((size - scaled.width) / 2),
    y: Math.floor((size - scaled.height) / 2),
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
