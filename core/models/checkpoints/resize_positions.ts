import { filterWeights } from "../../data/filter_weights.ts";

/** What {@linkcode resizePositions} does. */
export interface ResizePositions {
  /** Tokens in front that have no place in the image and stay as they are. */
  readonly prefix: number;
  /** Patches along a side before. */
  readonly from: number;
  /** Patches along a side afterwards. */
  readonly to: number;
}

/**
 * Resizes position embeddings to another grid of patches: bicubic with
 * antialiasing, as timm's `resample_abs_pos_embed` does by
 * `torch.nn.functional.interpolate`.
 *
 * @param positions `[prefix + from², width]`.
 * @returns `[prefix + to², width]`.
 */
export function resizePositions(
  positions: Float32Array,
  { prefix, from, to }: ResizePositions,
): Float32Array<ArrayBuffer> {
  const width = positions.length / (prefix + from * from);
  const front = prefix * width;
  const grid = Float64Array.from(positions.subarray(front));
  const rows = blend(grid, { from, to, outer: from, inner: width });
  const both = blend(rows, { from, to, outer: 1, inner: to * width });
  const result = new Float32Array(front + both.length);
  result.set(positions.subarray(0, front));
  result.set(both, front);
  return result;
}

/** Resamples the middle axis of `[outer, from, inner]`. */
function blend(
  values: Float64Array,
  { from, to, outer, inner }: {
    from: number;
    to: number;
    outer: number;
    inner: number;
  },
): Float64Array {
  const weights = filterWeights(from, to, "bicubic");
  const result = new Float64Array(outer * to * inner);
  for (let o = 0; o < outer; o++) {
    for (let t = 0; t < to; t++) {
      const target = (o * to + t) * inner;
      for (let k = 0; k < weights.count[t]; k++) {
        const weight = weights.values[t * weights.stride + k];
        const source = (o * from + weights.first[t] + k) * inner;
        for (let i = 0; i < inner; i++) {
          result[target + i] += weight * values[source + i];
        }
      }
    }
  }
  return result;
}
