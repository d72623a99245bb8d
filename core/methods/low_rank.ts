/**
 * Folding products of thin matrices into weights, in float64 on the host.
 *
 * Methods keep `[in, out]`, weights are `[out, in]` as PyTorch stores them.
 *
 * @module
 */

/** A product of two thin matrices. */
export interface ThinProduct {
  /** `[in, rank]`. */
  readonly down: ArrayLike<number>;
  /** `[rank, out]`. */
  readonly up: ArrayLike<number>;
  readonly rank: number;
  /** Factor on the product. */
  readonly scale: number;
}

/**
 * W + s (down · up)ᵀ for a layer beside which the product stands, that is,
 * y = x Wᵀ + s · x down up.
 *
 * @param weight `[out, in]`.
 */
export function addBeside(
  weight: ArrayLike<number>,
  { down, up, rank, scale }: ThinProduct,
): Float64Array {
  const width = down.length / rank;
  const out = up.length / rank;
  const folded = Float64Array.from(weight);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) {
        sum += down[i * rank + r] * up[r * out + o];
      }
      folded[o * width + i] += scale * sum;
    }
  }
  return folded;
}

/**
 * W (I + s down · up)ᵀ for a layer that x + s · x down up enters, without
 * forming the product.
 *
 * @param weight `[out, in]`.
 */
export function foldBefore(
  weight: ArrayLike<number>,
  { down, up, rank, scale }: ThinProduct,
): Float64Array {
  const width = down.length / rank;
  const folded = Float64Array.from(weight);
  const low = new Float64Array(rank);
  for (let row = 0; row < weight.length; row += width) {
    for (let r = 0; r < rank; r++) {
      low[r] = 0;
      for (let j = 0; j < width; j++) {
        low[r] += weight[row + j] * up[r * width + j];
      }
    }
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += low[r] * down[i * rank + r];
      folded[row + i] += scale * sum;
    }
  }
  return folded;
}

/** v W for a row vector `[in]` and W `[in, out]`. */
export function rowTimes(
  vector: ArrayLike<number>,
  matrix: ArrayLike<number>,
): Float64Array {
  const out = matrix.length / vector.length;
  const y = new Float64Array(out);
  for (let i = 0; i < vector.length; i++) {
    for (let j = 0; j < out; j++) y[j] += vector[i] * matrix[i * out + j];
  }
  return y;
}

/** W v for W `[out, in]` and v `[in]`. */
export function timesColumn(
  weight: ArrayLike<number>,
  vector: ArrayLike<number>,
): Float64Array {
  const width = vector.length;
  const y = new Float64Array(weight.length / width);
  for (let o = 0; o < y.length; o++) {
    for (let i = 0; i < width; i++) y[o] += weight[o * width + i] * vector[i];
  }
  return y;
}
