/**
 * A vision transformer with ALoRE before both branches, in float64, with every
 * matrix formed, to hold the inspection against.
 *
 * @module
 */

import { gelu } from "../../../../core/ops/gelu.ts";
import type { VitConfig } from "../../../../core/models/vit.ts";

/** A matrix, row by row. */
export type Matrix = number[][];

/** What the naive pass finds for one image. */
export interface Naive {
  readonly logits: number[];
  /** By block: `[heads][tokens]` for the class token. */
  readonly attention: Matrix[];
  /** By adapter, in order: `[experts][tokens]` of ‖s x Δₑ‖. */
  readonly added: Matrix[];
  /** By adapter: ‖x‖ of each token. */
  readonly entering: number[][];
}

type Tensor = (name: string) => Float32Array;

const matrix = (values: Float32Array, columns: number): Matrix =>
  Array.from(
    { length: values.length / columns },
    (_, i) => Array.from(values.subarray(i * columns, (i + 1) * columns)),
  );

const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) =>
    b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0))
  );

const plus = (a: Matrix, b: Matrix): Matrix =>
  a.map((row, i) => row.map((v, j) => v + b[i][j]));

const transposed = (a: Matrix): Matrix =>
  a[0].map((_, j) => a.map((r) => r[j]));

/** The Kronecker product. */
export const kron = (a: Matrix, b: Matrix): Matrix =>
  a.flatMap((ra) => b.map((rb) => ra.flatMap((v) => rb.map((w) => v * w))));

const norm = (row: number[]): number => Math.hypot(...row);

/** Δₑ of every expert of an adapter, `[width][width]` each. */
export function deltas(
  tensor: Tensor,
  site: string,
  { experts: n, rank: r }: { experts: number; rank: number },
): Matrix[] {
  const part = (values: Float32Array, e: number) =>
    values.subarray(e * values.length / n, (e + 1) * values.length / n);
  return Array.from({ length: n }, (_, e) => {
    const down = matrix(part(tensor(`adapter.${site}.down`), e), r);
    const up = part(tensor(`adapter.${site}.up`), e);
    const scale = part(tensor("adapter.shared.experts.scale"), e);
    return kron(matrix(scale, n), times(down, matrix(up, up.length / r)));
  });
}

/** The pass of one image, `pixels` `[channels, size, size]` as normalised. */
export function naivePass(
  config: VitConfig,
  tensor: Tensor,
  pixels: Float32Array,
  options: { experts: number; rank: number; s: number },
): Naive {
  const { width, depth, heads, eps } = config;
  const layer = (name: string, x: Matrix): Matrix => {
    const weight = matrix(tensor(`${name}.weight`), x[0].length);
    const bias = tensor(`${name}.bias`);
    return times(x, transposed(weight)).map((row) =>
      row.map((v, i) => v + bias[i])
    );
  };
  const normed = (name: string, x: Matrix): Matrix => {
    const [weight, bias] = ["weight", "bias"].map((p) =>
      tensor(`${name}.${p}`)
    );
    return x.map((row) => {
      const mean = row.reduce((a, b) => a + b, 0) / width;
      const variance = row.reduce((s, v) => s + (v - mean) ** 2, 0) / width;
      return row.map((v, i) =>
        (v - mean) / Math.sqrt(variance + eps) * weight[i] + bias[i]
      );
    });
  };
  const found: Naive = { logits: [], attention: [], added: [], entering: [] };
  const adapted = (site: string, x: Matrix): Matrix => {
    const parts = deltas(tensor, site, options).map((delta) =>
      times(x, delta).map((row) => row.map((v) => v * options.s))
    );
    found.added.push(parts.map((part) => part.map(norm)));
    found.entering.push(x.map(norm));
    return parts.reduce(plus, x);
  };
  let x = embedded(config, tensor, pixels);
  for (let block = 0; block < depth; block++) {
    const name = `blocks.${block}`;
    const entering = adapted(`${name}.attn`, normed(`${name}.norm1`, x));
    const qkv = layer(`${name}.attn.qkv`, entering);
    const size = width / heads;
    const probabilities = Array.from({ length: heads }, (_, head) => {
      const cut = (from: number) =>
        qkv.map((row) =>
          row.slice(from + head * size, from + (head + 1) * size)
        );
      const scores = times(cut(0), transposed(cut(width)));
      return scores.map((row) => {
        const powers = row.map((v) => Math.exp(v / Math.sqrt(size)));
        const sum = powers.reduce((a, b) => a + b, 0);
        return powers.map((p) => p / sum);
      });
    });
    found.attention.push(probabilities.map(([first]) => first));
    const mixed = qkv.map((_, token) =>
      probabilities.flatMap((rows, head) =>
        Array.from({ length: size }, (_, c) =>
          rows[token].reduce(
            (sum, p, key) => sum + p * qkv[key][2 * width + head * size + c],
            0,
          ))
      )
    );
    x = plus(x, layer(`${name}.attn.proj`, mixed));
    const inner = adapted(`${name}.mlp`, normed(`${name}.norm2`, x));
    const hidden = layer(`${name}.mlp.fc1`, inner).map((row) =>
      Array.from(gelu.reference([Float64Array.from(row)], {})[0])
    );
    x = plus(x, layer(`${name}.mlp.fc2`, hidden));
  }
  const [logits] = layer("head", normed("norm", x.slice(0, 1)));
  return { ...found, logits };
}

/** Class token, then patches from the left and from above, with positions. */
function embedded(
  { imageSize, patchSize, channels, width }: VitConfig,
  tensor: Tensor,
  pixels: Float32Array,
): Matrix {
  const grid = imageSize / patchSize;
  const patches = Array.from({ length: grid ** 2 }, (_, i) => {
    const [row, column] = [Math.floor(i / grid), i % grid];
    return Array.from({ length: channels * patchSize ** 2 }, (_, j) => {
      const channel = Math.floor(j / patchSize ** 2);
      const y = row * patchSize + Math.floor(j / patchSize) % patchSize;
      const x = column * patchSize + j % patchSize;
      return pixels[(channel * imageSize + y) * imageSize + x];
    });
  });
  const weight = matrix(tensor("patch_embed.proj.weight"), patches[0].length);
  const bias = tensor("patch_embed.proj.bias");
  const tokens = times(patches, transposed(weight)).map((row) =>
    row.map((v, i) => v + bias[i])
  );
  const positions = matrix(tensor("pos_embed"), width);
  return plus([Array.from(tensor("cls_token")), ...tokens], positions);
}
