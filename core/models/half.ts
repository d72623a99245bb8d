/**
 * Frozen tensors that are stored as f16.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import { hinted } from "../errors.ts";
import type { Shape, Slot } from "../graph/graph.ts";

/**
 * What a frozen tensor is stored as: matrices are most of a model; vectors, the
 * biases and norms, gain nothing and stay f32.
 */
export function frozenType(engine: Engine, shape: Shape): Slot["dtype"] {
  return engine.half && shape.length > 1 ? "f16" : undefined;
}

/**
 * Rounds numbers to f16, two in a word and the last one padded.
 *
 * @throws {RangeError} If one is beyond ±65,504, the largest that f16 has.
 */
export function halfWords(
  values: Float32Array<ArrayBuffer>,
  name: string,
): Int32Array<ArrayBuffer> {
  const words = new Int32Array(Math.ceil(values.length / 2));
  const half = new Float16Array(words.buffer, 0, values.length);
  half.set(values);
  const lost = half.findIndex((value, i) =>
    !Number.isFinite(value) && Number.isFinite(values[i])
  );
  if (lost < 0) return words;
  throw hinted(
    new RangeError(
      `Cannot store ${name} as f16: got ${values[lost]}, wanted numbers from ` +
        `-65504 to 65504`,
    ),
    "--precision f32 stores it as it is",
  );
}
