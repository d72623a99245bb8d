/**
 * The weights of a resampling filter whose support grows with the reduction
 * (antialiasing), as PIL and PyTorch compute them.
 *
 * @module
 */

/** The weights with which one axis is resampled. */
export interface FilterWeights {
  /** First source position of each target position. */
  readonly first: Int32Array;
  /** Number of source positions of each target position. */
  readonly count: Int32Array;
  /** Their weights, `stride` to a target position; each position's sum to 1. */
  readonly values: Float64Array;
  readonly stride: number;
}

function bicubic(x: number): number {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function bilinear(x: number): number {
  x = Math.abs(x);
  return x < 1 ? 1 - x : 0;
}

/**
 * Computes the weights of one axis.
 *
 * @param from Source positions, from 1.
 * @param to Target positions, from 1.
 * @param filter Bicubic with a = −0.5, or a triangle.
 */
export function filterWeights(
  from: number,
  to: number,
  filter: "bicubic" | "bilinear",
): FilterWeights {
  const curve = filter === "bicubic" ? bicubic : bilinear;
  const scale = from / to;
  const reduction = Math.max(1, scale);
  const support = (filter === "bicubic" ? 2 : 1) * reduction;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const values = new Float64Array(to * stride);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const place = values.subarray(i * stride, i * stride + end - start);
    let sum = 0;
    for (let k = 0; k < place.length; k++) {
      place[k] = curve((k + start - centre + 0.5) * (1 / reduction));
      sum += place[k];
    }
    for (let k = 0; k < place.length; k++) place[k] /= sum;
    first[i] = start;
    count[i] = end - start;
  }
  return { first, count, values, stride };
}
