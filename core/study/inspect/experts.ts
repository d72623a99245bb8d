/**
 * How much each expert of an ALoRE adapter does, and how alike experts are.
 *
 * Expert e of an adapter turns a token x into s · x (Sₑ ⊗ DₑUₑ). Neither that
 * Kronecker product nor any other matrix as wide as the tokens is formed.
 *
 * @module
 */

import type { AdapterValues } from "./internals.ts";

/** The trained numbers of an adapter. */
export interface AdapterTensors {
  /** D, `[experts, chunk, rank]`. */
  readonly down: Float32Array;
  /** U, `[experts, rank, chunk]`. */
  readonly up: Float32Array;
  /** S, `[experts, experts, experts]` as expert, in, out. */
  readonly mix: Float32Array;
  readonly experts: number;
  readonly rank: number;
  /** Factor on all experts. */
  readonly s: number;
}

/**
 * The length of what each expert adds to each token, ‖s · x (Sₑ ⊗ DₑUₑ)‖, and of
 * the token itself.
 *
 * With m_b = Σₐ Sₑ[a, b] x[a] Dₑ it is |s| √(Σ_b m_b (UₑUₑᵀ) m_bᵀ).
 *
 * @returns `added` `[images, experts, tokens]` and `entering` `[images, tokens]`.
 */
export function contributions(
  { x, mixed, tokens, experts: n, rank: r }: AdapterValues,
  tensors: AdapterTensors,
): { added: Float64Array; entering: Float64Array } {
  const rows = mixed.length / (n * n * r);
  const width = x.length / rows;
  const grams = Array.from(
    { length: n },
    (_, e) => gramOfRows(expertOf(tensors.up, e, n), r),
  );
  const added = new Float64Array(rows * n);
  const entering = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const [image, token] = [Math.floor(row / tokens), row % tokens];
    for (let i = row * width; i < (row + 1) * width; i++) {
      entering[row] += x[i] ** 2;
    }
    entering[row] = Math.sqrt(entering[row]);
    for (let e = 0; e < n; e++) {
      let square = 0;
      for (let b = 0; b < n; b++) {
        const at = ((row * n + b) * n + e) * r;
        square += quadratic(mixed.subarray(at, at + r), grams[e]);
      }
      added[(image * n + e) * tokens + token] = Math.abs(tensors.s) *
        Math.sqrt(Math.max(0, square));
    }
  }
  return { added, entering };
}

/** Cosines between experts; each is `[experts, experts]`, NaN for a zero. */
export interface ExpertCosines {
  /** Of Sₑ ⊗ DₑUₑ as matrices; the product of the two others. */
  readonly delta: number[][];
  /** Of Sₑ, n² numbers each. */
  readonly mix: number[][];
  /** Of DₑUₑ, m² numbers of rank r. */
  readonly product: number[][];
}

/**
 * Cosine similarities between the experts of an adapter, as the matrices that
 * they stand for: ⟨S_a ⊗ A_a, S_b ⊗ A_b⟩ = ⟨S_a, S_b⟩ ⟨A_a, A_b⟩, with
 * ⟨D_aU_a, D_bU_b⟩ = ⟨D_aᵀD_b, U_aU_bᵀ⟩.
 */
export function expertCosines(tensors: AdapterTensors): ExpertCosines {
  const { down, up, mix, experts: n, rank: r } = tensors;
  const products = (a: number, b: number): number => {
    const [da, db] = [a, b].map((e) => expertOf(down, e, n));
    const [ua, ub] = [a, b].map((e) => expertOf(up, e, n));
    const chunk = da.length / r;
    let sum = 0;
    for (let k = 0; k < r; k++) {
      for (let l = 0; l < r; l++) {
        let [left, right] = [0, 0];
        for (let p = 0; p < chunk; p++) {
          left += da[p * r + k] * db[p * r + l];
          right += ua[k * chunk + p] * ub[l * chunk + p];
        }
        sum += left * right;
      }
    }
    return sum;
  };
  const mixes = (a: number, b: number): number => {
    const other = expertOf(mix, b, n);
    return expertOf(mix, a, n).reduce((sum, v, i) => sum + v * other[i], 0);
  };
  const [product, scale] = [cosines(n, products), cosines(n, mixes)];
  const delta = product.map((row, a) => row.map((c, b) => c * scale[a][b]));
  return { delta, mix: scale, product };
}

/** Cosines of vectors by their inner products. */
function cosines(
  count: number,
  inner: (a: number, b: number) => number,
): number[][] {
  const lengths = Array.from({ length: count }, (_, e) => inner(e, e))
    .map(Math.sqrt);
  return lengths.map((x, a) => lengths.map((y, b) => inner(a, b) / (x * y)));
}

/** Mean of what is not on the diagonal; NaN for a single expert. */
export function meanOffDiagonal(
  matrix: readonly (readonly number[])[],
  of: (value: number) => number = (value) => value,
): number {
  const values = matrix.flatMap((row, a) => row.filter((_, b) => a !== b));
  return values.reduce((sum, value) => sum + of(value), 0) / values.length;
}

/**
 * How alike the maps of experts are: `cosine` of the maps as they are, which is
 * high for any maps without negative numbers, and `correlation` with each map's
 * mean taken away.
 *
 * @param maps One an expert, equally long.
 */
export function mapSimilarity(
  maps: readonly ArrayLike<number>[],
): { cosine: number[][]; correlation: number[][] } {
  const centred = maps.map((map) => {
    const values = Array.from(map);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return values.map((value) => value - mean);
  });
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, value, i) => sum + value * y[i], 0);
  const of = (all: readonly ArrayLike<number>[]) =>
    cosines(all.length, (a, b) => dot(all[a], all[b]));
  return { cosine: of(maps), correlation: of(centred) };
}

/** The part of a tensor that belongs to an expert. */
function expertOf(
  tensor: Float32Array,
  expert: number,
  experts: number,
): Float32Array {
  const size = tensor.length / experts;
  return tensor.subarray(expert * size, (expert + 1) * size);
}

/** Inner products of the rows of a matrix, `[rows, rows]`. */
function gramOfRows(matrix: Float32Array, rows: number): Float64Array {
  const columns = matrix.length / rows;
  return Float64Array.from({ length: rows * rows }, (_, i) => {
    const [a, b] = [Math.floor(i / rows), i % rows];
    let sum = 0;
    for (let p = 0; p < columns; p++) {
      sum += matrix[a * columns + p] * matrix[b * columns + p];
    }
    return sum;
  });
}

/** v G vᵀ. */
function quadratic(v: Float32Array, gram: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < v.length; i++) {
    for (let j = 0; j < v.length; j++) {
      sum += v[i] * v[j] * gram[i * v.length + j];
    }
  }
  return sum;
}
