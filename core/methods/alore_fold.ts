/**
 * Folding ALoRE's adapters into weights, in float64 on the host and without
 * forming Δ.
 *
 * @module
 */

/** The numbers of one adapter. */
export interface AdapterNumbers {
  /** D, `[experts, chunk, rank]`. */
  readonly down: Float32Array;
  /** U, `[experts, rank, chunk]`. */
  readonly up: Float32Array;
  /** S, `[experts, experts, experts]` as expert, in, out. */
  readonly mix: Float32Array;
  readonly experts: number;
  readonly rank: number;
  /** Width / experts. */
  readonly chunk: number;
  /** Factor on Δ. */
  readonly s: number;
}

/**
 * W (I + s Δ)ᵀ, for an adapter before a layer.
 *
 * @param weight `[out, width]`.
 */
export function foldBefore(
  adapter: AdapterNumbers,
  weight: Float32Array,
): Float32Array {
  const width = adapter.experts * adapter.chunk;
  const back = timesDelta(adapter, true);
  const folded = new Float32Array(weight.length);
  for (let row = 0; row < weight.length; row += width) {
    const own = weight.subarray(row, row + width);
    back(own).forEach((sum, i) => folded[row + i] = own[i] + adapter.s * sum);
  }
  return folded;
}

/**
 * (I + s Δ)ᵀ W, for an adapter after a layer.
 *
 * @param weight `[width, in]`, or a bias `[width]`.
 */
export function foldAfter(
  adapter: AdapterNumbers,
  weight: Float32Array,
): Float32Array {
  const width = adapter.experts * adapter.chunk;
  const columns = weight.length / width;
  const forth = timesDelta(adapter, false);
  const folded = new Float32Array(weight.length);
  const own = new Float32Array(width);
  for (let column = 0; column < columns; column++) {
    own.forEach((_, i) => own[i] = weight[i * columns + column]);
    forth(own).forEach((sum, i) =>
      folded[i * columns + column] = own[i] + adapter.s * sum
    );
  }
  return folded;
}

/** v ↦ v Δ, or v Δᵀ, for a row `[width]`; the result is the next call's too. */
function timesDelta(
  { down, up, mix, experts: n, rank: r, chunk }: AdapterNumbers,
  transpose: boolean,
): (row: Float32Array) => Float64Array {
  const downAt = (e: number, p: number, k: number) => (e * chunk + p) * r + k;
  const upAt = (e: number, p: number, k: number) => (e * r + k) * chunk + p;
  const [first, firstAt, second, secondAt] = transpose
    ? [up, upAt, down, downAt]
    : [down, downAt, up, upAt];
  const low = new Float64Array(n * n * r); // [chunk, expert, rank]
  const y = new Float64Array(n * chunk);
  return (row) => {
    for (let i = 0; i < low.length; i++) {
      const [c, e, k] = [Math.floor(i / (n * r)), Math.floor(i / r) % n, i % r];
      let sum = 0;
      for (let p = 0; p < chunk; p++) {
        sum += row[c * chunk + p] * first[firstAt(e, p, k)];
      }
      low[i] = sum;
    }
    for (let to = 0; to < n; to++) {
      const mixed = mixInto(mix, low, { n, r, to, transpose });
      for (let p = 0; p < chunk; p++) {
        let sum = 0;
        for (let i = 0; i < n * r; i++) {
          sum += mixed[i] * second[secondAt(Math.floor(i / r), p, i % r)];
        }
        y[to * chunk + p] = sum;
      }
    }
    return y;
  };
}

/** Σ over the chunks of what they give to chunk `to`, `[expert, rank]`. */
function mixInto(
  mix: Float32Array,
  low: Float64Array,
  { n, r, to, transpose }: {
    n: number;
    r: number;
    to: number;
    transpose: boolean;
  },
): Float64Array {
  return Float64Array.from({ length: n * r }, (_, i) => {
    const e = Math.floor(i / r);
    let sum = 0;
    for (let from = 0; from < n; from++) {
      const [a, b] = transpose ? [to, from] : [from, to];
      sum += mix[(e * n + a) * n + b] * low[from * n * r + i];
    }
    return sum;
  });
}
