/**
 * Resizes 8-bit images exactly as PIL's `Image.resize` does.
 *
 * A separable filter whose support grows with the reduction (antialiasing),
 * horizontal pass first, with PIL's fixed-point weights and its rounding to
 * 8 bits after each pass. Pretrained backbones have seen images resized this
 * way, and another resampler costs accuracy.
 *
 * @module
 */

import { type FilterWeights, filterWeights } from "./filter_weights.ts";

/** How a pixel is weighted: PIL's `BICUBIC` (a = −0.5), `BILINEAR` (triangle),
 * or `NEAREST`, which takes one pixel and does not antialias. */
export type Filter = "bicubic" | "bilinear" | "nearest";

/** The filters by name. */
export const filters: readonly Filter[] = ["bicubic", "bilinear", "nearest"];

/** An 8-bit image. */
export interface Pixels {
  /** Pixels in a row. */
  width: number;
  /** Rows. */
  height: number;
  /** (height, width, 3) red, green, blue. */
  data: Uint8Array;
}

/** As {@linkcode FilterWeights}, in PIL's fixed point. */
type Weights = Omit<FilterWeights, "values"> & { readonly values: Int32Array };

// PIL keeps 8 bits for the result and 2 for overshoot of the 32.
const FRACTION_BITS = 32 - 8 - 2;
const HALF = 1 << (FRACTION_BITS - 1);

/**
 * Resizes an image.
 *
 * @param source Image of any size from 1 × 1.
 * @param target Width and height in pixels, from 1.
 * @param filter Default `bicubic`.
 * @returns A new image; equals PIL's result byte for byte.
 * @throws {RangeError} If a side is not a whole number from 1.
 */
export function resize(
  source: Pixels,
  target: { width: number; height: number },
  filter: Filter = "bicubic",
): Pixels {
  const { width, height } = target;
  for (const side of [width, height, source.width, source.height]) {
    if (!Number.isInteger(side) || side < 1) {
      throw new RangeError(
        `Cannot resize ${source.width}×${source.height} to ` +
          `${width}×${height}: got a side of ${side}, wanted at least 1`,
      );
    }
  }
  if (filter === "nearest") return resizeNearest(source, width, height);
  let result = source;
  if (width !== source.width) {
    result = resizeRows(result, weightsOf(source.width, width, filter));
  }
  if (height !== source.height) {
    result = resizeColumns(result, weightsOf(source.height, height, filter));
  }
  return result === source ? { ...source, data: source.data.slice() } : result;
}

/** Weights computed already: data sets repeat a few sizes. */
const known = new Map<string, Weights>();

function weightsOf(from: number, to: number, filter: Filter): Weights {
  const key = `${filter} ${from} ${to}`;
  let weights = known.get(key);
  if (!weights) {
    if (known.size >= 64) known.clear();
    weights = computeWeights(from, to, filter);
    known.set(key, weights);
  }
  return weights;
}

function computeWeights(from: number, to: number, filter: Filter): Weights {
  const exact = filterWeights(
    from,
    to,
    filter === "bilinear" ? filter : "bicubic",
  );
  const values = Int32Array.from(exact.values, (share) => {
    const weight = share * (1 << FRACTION_BITS);
    return Math.trunc(weight + (weight < 0 ? -0.5 : 0.5));
  });
  return { ...exact, values };
}

function clamp(sum: number): number {
  const value = sum >> FRACTION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function resizeRows(source: Pixels, weights: Weights): Pixels {
  const { height, data } = source;
  const { first, count, values, stride } = weights;
  const width = first.length;
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let at = (y * source.width + first[x]) * 3;
      let red = HALF, green = HALF, blue = HALF;
      const end = x * stride + count[x];
      for (let k = x * stride; k < end; k++, at += 3) {
        const weight = values[k];
        red += data[at] * weight;
        green += data[at + 1] * weight;
        blue += data[at + 2] * weight;
      }
      const to = (y * width + x) * 3;
      out[to] = clamp(red);
      out[to + 1] = clamp(green);
      out[to + 2] = clamp(blue);
    }
  }
  return { width, height, data: out };
}

function resizeColumns(source: Pixels, weights: Weights): Pixels {
  const { width, data } = source;
  const { first, count, values, stride } = weights;
  const height = first.length;
  const row = width * 3;
  const out = new Uint8Array(row * height);
  const sums = new Int32Array(row);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let k = 0; k < count[y]; k++) {
      const weight = values[y * stride + k];
      const from = (first[y] + k) * row;
      for (let x = 0; x < row; x++) sums[x] += data[from + x] * weight;
    }
    for (let x = 0; x < row; x++) out[y * row + x] = clamp(sums[x]);
  }
  return { width, height, data: out };
}

/** Source position of each target position; summed as PIL sums. */
function nearestPositions(from: number, to: number): Int32Array {
  const step = from / to;
  const positions = new Int32Array(to);
  for (let i = 0, at = step * 0.5; i < to; i++, at += step) {
    positions[i] = Math.min(from - 1, Math.floor(at));
  }
  return positions;
}

function resizeNearest(source: Pixels, width: number, height: number): Pixels {
  const columns = nearestPositions(source.width, width);
  const rows = nearestPositions(source.height, height);
  const out = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const from = (rows[y] * source.width + columns[x]) * 3;
      out[to] = source.data[from];
      out[to + 1] = source.data[from + 1];
      out[to + 2] = source.data[from + 2];
    }
  }
  return { width, height, data: out };
}
