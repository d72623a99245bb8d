/**
 * What a matrix product is measured on.
 *
 * @module
 */

import {
  alignPlace,
  byteLength,
  type Engine,
  type KernelCall,
  type Memory,
  type Place,
} from "../engine.ts";
import type { MatmulShape } from "./matmul_variant.ts";

/** A product's operands and results in a memory of their own. */
export class Operands {
  readonly call: KernelCall;
  readonly memory: Memory;
  /** The numbers of the inputs. */
  readonly inputs: readonly (Float32Array<ArrayBuffer> | undefined)[];

  constructor(engine: Engine, shape: MatmulShape) {
    let bytes = 0;
    this.call = callOf(shape, (shape) => {
      const offset = bytes;
      bytes += alignPlace(byteLength(shape));
      return { block: 1, offset, shape, dtype: "f32" };
    });
    this.memory = engine.allocate(bytes, "operands of a matrix product");
    this.inputs = this.call.inputs.map((input, i) => {
      if (input === undefined) return undefined;
      const numbers = noise(byteLength(input.shape) / 4, i + 1);
      this.memory.write(numbers, input.offset);
      return numbers;
    });
  }

  /** Spoils the results, so that old ones are not taken for new ones. */
  spoil(): void {
    for (const place of this.call.outputs) {
      if (place === undefined) continue;
      const count = byteLength(place.shape) / 4;
      this.memory.write(new Float32Array(count).fill(1e30), place.offset);
    }
  }

  /** What the last run made. */
  async results(): Promise<Float32Array[]> {
    const results: Float32Array[] = [];
    for (const place of this.call.outputs) {
      if (place === undefined) continue;
      const bytes = byteLength(place.shape);
      const buffer = await this.memory.read(place.offset, bytes);
      results.push(new Float32Array(buffer));
    }
    return results;
  }

  [Symbol.dispose](): void {
    this.memory.close();
  }
}

/** A call that computes a product, with places of its own. */
function callOf(
  { m, n, k, transA, transB, parts }: MatmulShape,
  place: (shape: readonly number[]) => Place,
): KernelCall {
  const part = (bit: number, shape: readonly number[]) =>
    parts & bit ? place(shape) : undefined;
  return {
    kernel: "matmul",
    inputs: [
      place(transA ? [k, m] : [m, k]),
      place(transB ? [n, k] : [k, n]),
      part(1, [n]),
      part(8, [m, n]),
    ],
    outputs: [place([m, n]), part(4, [m, n])],
    attributes: {
      m,
      n,
      k,
      transA,
      transB,
      alpha: 1,
      activation: parts >> 1 & 1,
    },
  };
}

/** Numbers between -1 and 1 that look random (xorshift32, Marsaglia 2003). */
function noise(count: number, seed: number): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(count);
  let state = Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    numbers[i] = state / 2 ** 31;
  }
  return numbers;
}
