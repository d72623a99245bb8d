/**
 * Checkpoints as large as real ones, with small numbers, written without ever
 * lying in memory whole.
 *
 * @module
 */

import { modelTensors } from "../../core/models/architectures.ts";
import type { VitConfig } from "../../core/models/vit.ts";
import { findBackbone } from "../../core/models/zoo.ts";
import { npy, type ZipFile, zipPieces } from "./zip.ts";

const CHUNK = Float32Array.from({ length: 1 << 20 }, (_, i) => {
  return ((i * 7919) % 1001 - 500) / 1e4;
});

/** The chunk's bytes in each type. */
const BYTES = {
  F32: new Uint8Array(CHUNK.buffer),
  F16: new Uint8Array(new Float16Array(CHUNK).buffer),
  BF16: new Uint8Array(
    Uint16Array.from(new Uint32Array(CHUNK.buffer), (bits) => bits >> 16)
      .buffer,
  ),
} as const;

const countOf = (shape: readonly number[]) =>
  shape.reduce((product, size) => product * size, 1);

/**
 * Writes a backbone of the zoo under timm's names as safetensors.
 *
 * @returns Bytes of its numbers in f32.
 */
export function writeLargeCheckpoint(
  name: string,
  path: string,
  dtype: keyof typeof BYTES = "F32",
): number {
  const header: Record<string, unknown> = {};
  const bytes = BYTES[dtype];
  const size = bytes.length / CHUNK.length;
  let end = 0;
  for (const [tensor, { shape }] of modelTensors(findBackbone(name))) {
    const begin = end;
    end += size * countOf(shape);
    header[tensor] = { dtype, shape, ["data_offsets"]: [begin, end] };
  }
  const json = JSON.stringify(header);
  const text = json.padEnd(Math.ceil(json.length / 8) * 8);
  const length = new BigUint64Array([BigInt(text.length)]);
  using file = Deno.openSync(path, { write: true, createNew: true });
  writeAll(file, new Uint8Array(length.buffer));
  writeAll(file, new TextEncoder().encode(text));
  for (let left = end; left > 0; left -= bytes.length) {
    writeAll(file, bytes.subarray(0, Math.min(left, bytes.length)));
  }
  return end / size * 4;
}

/**
 * Writes a ViT of the zoo as Google's npz, stored as NumPy does.
 *
 * @returns Bytes of its numbers in f32.
 */
export function writeLargeNpz(name: string, path: string): number {
  const arrays = googleArrays(findBackbone(name) as VitConfig);
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (const piece of zipPieces(filesOf(arrays))) writeAll(file, piece);
  return 4 * arrays.reduce((sum, [, shape]) => sum + countOf(shape), 0);
}

type Shaped = readonly [name: string, shape: readonly number[]];

function googleArrays(config: VitConfig): Shaped[] {
  const { width, heads, depth, mlpHidden, patchSize, imageSize } = config;
  const split = [heads, width / heads];
  const tokens = 1 + (imageSize / patchSize) ** 2;
  const norm = (prefix: string): Shaped[] => [
    [`${prefix}/scale`, [width]],
    [`${prefix}/bias`, [width]],
  ];
  const layer = (
    prefix: string,
    kernel: readonly number[],
    bias: readonly number[],
  ): Shaped[] => [[`${prefix}/kernel`, kernel], [`${prefix}/bias`, bias]];
  const blocks = Array.from({ length: depth }, (_, i) => {
    const block = `Transformer/encoderblock_${i}`;
    const attention = `${block}/MultiHeadDotProductAttention_1`;
    const [first, last] = [0, 1].map((n) => `${block}/MlpBlock_3/Dense_${n}`);
    return [
      ...norm(`${block}/LayerNorm_0`),
      ...norm(`${block}/LayerNorm_2`),
      ...["query", "key", "value"].flatMap((part) =>
        layer(`${attention}/${part}`, [width, ...split], split)
      ),
      ...layer(`${attention}/out`, [...split, width], [width]),
      ...layer(first, [width, mlpHidden], [mlpHidden]),
      ...layer(last, [mlpHidden, width], [width]),
    ];
  });
  return [
    ["cls", [1, 1, width]],
    ["Transformer/posembed_input/pos_embedding", [1, tokens, width]],
    ...layer("embedding", [patchSize, patchSize, 3, width], [width]),
    ...blocks.flat(),
    ...norm("Transformer/encoder_norm"),
  ];
}

function* filesOf(arrays: readonly Shaped[]): Generator<ZipFile> {
  for (const [name, shape] of arrays) {
    const data = new Uint8Array(4 * countOf(shape));
    for (let at = 0; at < data.length; at += BYTES.F32.length) {
      data.set(BYTES.F32.subarray(0, data.length - at), at);
    }
    const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join()})`;
    yield { name: `${name}.npy`, content: npy("'<f4'", tuple, data) };
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) done += file.writeSync(bytes.subarray(done));
}
