/**
 * Mutates checkpoints of both formats and opens them. ALORE_FUZZ_RUNS says how
 * many of each; `deno task test:fuzz` opens 100,000.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RandomStream } from "../../../core/rng.ts";
import {
  type ByteSource,
  memorySource,
} from "../../../core/weights/byte_source.ts";
import { openNpz } from "../../../core/weights/npz.ts";
import {
  encodeSafetensors,
  fromFloat32,
  openSafetensors,
} from "../../../core/weights/safetensors.ts";
import type { TensorFile } from "../../../core/weights/tensor_file.ts";
import { npy, zip } from "../../support/zip.ts";

const runs = Number(Deno.env.get("ALORE_FUZZ_RUNS") ?? 3000);

/** No file of these takes longer to open, however slow the machine. */
const LONGEST = 2000;

const values = Float32Array.from({ length: 12 }, (_, i) => i / 8);
const bytes = new Uint8Array(values.buffer);
const array = npy("'<f4'", "(3, 4)", bytes);
const turned = npy("'>f4'", "(3, 4)", bytes, { fortran: "True", version: 2 });

const safetensors = encodeSafetensors({
  metadata: { format: "pt", config: "{}" },
  tensors: new Map([
    ["a", fromFloat32(values, [3, 4])],
    ["b", fromFloat32(values, [12], "F16")],
    ["empty", { dtype: "I64", shape: [0], data: new Uint8Array(0) }],
  ]),
});

const archives = [{}, { deflate: true }, { zip64: true }].map((how) =>
  zip([
    { name: "a.npy", content: array, ...how },
    { name: "b/c.npy", content: turned, ...how },
  ])
);

/** Numbers that sizes and offsets are mutated to. */
const EXTREMES = [
  0n,
  1n,
  0x7fffffffn,
  0xffffffffn,
  0x100000000n,
  1n << 53n,
  1n << 63n,
  (1n << 64n) - 1n,
];

const DIGITS = new TextEncoder().encode("0123456789-,.:[]{}()'\" eE");

/** Changes a file in one to four places. */
function mutate(file: Uint8Array, random: RandomStream): Uint8Array {
  let mutated = Uint8Array.from(file);
  for (let left = 1 + random.below(4); left > 0; left--) {
    if (mutated.length < 9) return mutated;
    const at = random.below(mutated.length);
    const end = Math.min(mutated.length, at + 1 + random.below(40));
    switch (random.below(8)) {
      case 0:
        mutated[at] ^= 1 << random.below(8);
        break;
      case 1:
        mutated[at] = random.below(256);
        break;
      case 2:
        mutated[at] = DIGITS[random.below(DIGITS.length)];
        break;
      case 3:
        mutated = mutated.slice(0, at);
        break;
      case 4: // Cut a piece out.
        mutated = Uint8Array.of(
          ...mutated.subarray(0, at),
          ...mutated.subarray(end),
        );
        break;
      case 5: // Repeat a piece.
        mutated = Uint8Array.of(
          ...mutated.subarray(0, end),
          ...mutated.subarray(at),
        );
        break;
      case 6: // Move a piece over another.
        mutated.copyWithin(random.below(mutated.length), at, end);
        break;
      default: {
        const view = new DataView(mutated.buffer);
        const number = EXTREMES[random.below(EXTREMES.length)];
        const place = Math.min(at, mutated.length - 8);
        if (random.below(2)) view.setBigUint64(place, number, true);
        else view.setUint32(place, Number(number & 0xffffffffn), true);
      }
    }
  }
  return mutated;
}

/** A source that remembers the largest piece that was asked of it. */
function watched(file: Uint8Array): ByteSource & { largest: number } {
  const source = memorySource(file, "x");
  return {
    ...source,
    largest: 0,
    read(offset, length) {
      const found = source.read(offset, length);
      this.largest = Math.max(this.largest, found.length);
      return found;
    },
  };
}

interface Tally {
  opened: number;
  rejected: number;
}

async function tryFile(
  file: Uint8Array,
  open: (source: ByteSource) => TensorFile | Promise<TensorFile>,
  tally: Tally,
): Promise<void> {
  const source = watched(file);
  const start = performance.now();
  try {
    const found = await open(source);
    let total = 0;
    for (const [name, { shape }] of found.entries) {
      const tensor = found.read(name);
      assert.deepEqual(tensor.shape, [...shape]);
      total += tensor.data.byteLength;
    }
    // Packed numbers may be more than the file, but not without bounds.
    assert.ok(total <= Math.max(1 << 20, 16 * file.length));
    tally.opened++;
  } catch (error) {
    const expected = error instanceof SyntaxError ||
      error instanceof RangeError;
    if (!expected) throw error;
    assert.match(error.message, /^Cannot read x[^]*: got [^]*, wanted /);
    tally.rejected++;
  }
  assert.ok(source.largest <= file.length);
  assert.ok(performance.now() - start < LONGEST);
}

function fuzz(
  name: string,
  files: readonly Uint8Array[],
  open: (source: ByteSource) => TensorFile | Promise<TensorFile>,
): void {
  Deno.test(`${name}() opens or rejects ${runs} mutated files`, async () => {
    const tally: Tally = { opened: 0, rejected: 0 };
    for (let run = 0; run < runs; run++) {
      const random = new RandomStream(run, name);
      const file = mutate(files[run % files.length], random);
      try {
        await tryFile(file, open, tally);
      } catch (error) {
        throw new assert.AssertionError({
          message: `run ${run}: ${
            error instanceof Error ? error.stack : error
          }`,
        });
      }
    }
    assert.equal(tally.opened + tally.rejected, runs);
    // Mutations that never get through, or always, would test nothing.
    assert.ok(tally.opened > 0.001 * runs, `${tally.opened} opened`);
    assert.ok(tally.rejected > 0.5 * runs, `${tally.rejected} rejected`);
  });
}

fuzz("openSafetensors", [safetensors], openSafetensors);
fuzz("openNpz", archives, openNpz);
