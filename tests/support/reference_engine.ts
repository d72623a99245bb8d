/**
 * An engine that runs plans with the ops' float64 references.
 *
 * It tests tracing, differentiation and planning without any kernel, and is the
 * oracle for both real engines.
 *
 * @module
 */

import { countOf } from "../../core/graph/graph.ts";
import { ops } from "../../core/ops/mod.ts";
import type {
  Engine,
  HostArray,
  KernelCall,
  Memory,
  Place,
  Plan,
  Program,
} from "../../kernels/engine.ts";

/** A memory whose float64 numbers tests can look at. */
export class ReferenceMemory implements Memory {
  readonly label: string;
  readonly bytes: number;
  readonly values: Float64Array;

  constructor(bytes: number, label: string) {
    this.label = label;
    this.bytes = bytes;
    this.values = new Float64Array(bytes / 4);
  }

  write(data: HostArray, offset: number): void {
    this.values.set(data, offset / 4);
  }

  read(offset: number, bytes: number): Promise<ArrayBuffer> {
    const values = this.values.subarray(offset / 4, (offset + bytes) / 4);
    return Promise.resolve(Float32Array.from(values).buffer);
  }

  close(): void {}
}

class ReferenceProgram implements Program {
  readonly #plan: Plan;
  readonly #blocks: Float64Array[];

  constructor(plan: Plan) {
    this.#plan = plan;
    const memories = plan.memories as ReferenceMemory[];
    // NaN wherever nothing was written shows a read of stale memory.
    const arena = new Float64Array(plan.arenaBytes / 4).fill(NaN);
    this.#blocks = [arena, ...memories.map((memory) => memory.values)];
  }

  run(
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>> {
    for (const [name, place] of this.#plan.inputs) {
      if (!inputs[name]) {
        throw new TypeError(`Cannot run: got no input "${name}"`);
      }
      this.#view(place).set(inputs[name]);
    }
    for (const call of this.#plan.calls) this.#call(call);
    const outputs: Record<string, HostArray> = {};
    for (const [name, place] of this.#plan.outputs) {
      outputs[name] = Float32Array.from(this.#view(place));
    }
    return Promise.resolve(outputs);
  }

  #call(call: KernelCall): void {
    const op = ops.get(call.kernel);
    if (!op) throw new TypeError(`Cannot run: got op "${call.kernel}"`);
    const inputs = call.inputs.map((place) => place && this.#view(place));
    const results = op.reference(inputs, call.attributes);
    for (const [i, place] of call.outputs.entries()) {
      if (place) this.#view(place).set(results[i]);
    }
  }

  #view(place: Place): Float64Array {
    const start = place.offset / 4;
    const end = start + countOf(place.shape);
    return this.#blocks[place.block].subarray(start, end);
  }

  close(): void {}
}

/** Opens the float64 engine. */
export function openReferenceEngine(): Engine {
  return {
    name: "cpu",
    description: "float64 reference",
    limits: { memoryBytes: 2 ** 31, tensorBytes: 2 ** 31 },
    allocate: (bytes, label) => new ReferenceMemory(bytes, label),
    compile: (plan) => Promise.resolve(new ReferenceProgram(plan)),
    close: () => {},
  };
}
