/**
 * Compiled plans of the CPU engine.
 *
 * @module
 */

import {
  byteLength,
  type CallTime,
  DeviceError,
  type HostArray,
  type Place,
  type Plan,
  type Program,
  type RunProfile,
} from "../engine.ts";
import { checkInputs } from "../check_inputs.ts";
import type { Heap } from "./heap.ts";
import type { Phase } from "./lower/lowering.ts";
import type { Pool } from "./pool.ts";
import type { Queue } from "./queue.ts";

/** What a program is made of. */
export interface ProgramParts {
  readonly plan: Plan;
  readonly phases: readonly Phase[];
  readonly address: (place: Place) => number;
  /** Pieces of the heap that the program owns. */
  readonly pieces: readonly number[];
  readonly heap: Heap;
  readonly pool: Pool;
  readonly queue: Queue;
}

interface Port {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
  readonly type: typeof Float32Array | typeof Int32Array;
}

function toPorts(
  places: ReadonlyMap<string, Place>,
  address: (place: Place) => number,
): Map<string, Port> {
  return new Map([...places].map(([name, place]) => [name, {
    name,
    address: address(place),
    bytes: byteLength(place.shape),
    type: place.dtype === "i32" ? Int32Array : Float32Array,
  }]));
}

/** Replays the phases of one plan. */
export class CpuProgram implements Program {
  readonly #label: string;
  readonly #inputs: ReadonlyMap<string, Port>;
  readonly #outputs: ReadonlyMap<string, Port>;
  readonly #parts: ProgramParts;
  readonly #program: number;
  #closed = false;

  constructor(parts: ProgramParts) {
    const { plan, address, pool } = parts;
    this.#label = plan.label;
    this.#inputs = toPorts(plan.inputs, address);
    this.#outputs = toPorts(plan.outputs, address);
    this.#parts = parts;
    this.#program = pool.add(parts.phases);
  }

  // deno-lint-ignore require-await -- failures reject
  async run(
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>> {
    this.#check(inputs);
    return this.#parts.queue.add(async () => {
      this.#write(inputs);
      await this.#parts.pool.run(this.#program);
      return this.#read();
    });
  }

  // deno-lint-ignore require-await -- failures reject
  async profile(
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<RunProfile> {
    this.#check(inputs);
    return this.#parts.queue.add(async () => {
      const started = performance.now();
      this.#write(inputs);
      const threads = await this.#parts.pool.profile(this.#program);
      this.#read();
      const total = performance.now() - started;
      return { calls: callTimes(this.#parts, threads), total };
    });
  }

  #check(inputs: Readonly<Record<string, HostArray>>): void {
    if (this.#closed) {
      throw new DeviceError(`Cannot run "${this.#label}": it is closed`);
    }
    checkInputs(this.#parts.plan, inputs);
  }

  #write(inputs: Readonly<Record<string, HostArray>>): void {
    for (const { name, address, bytes } of this.#inputs.values()) {
      const { buffer, byteOffset } = inputs[name];
      this.#parts.heap.bytes(address, bytes).set(
        new Uint8Array(buffer, byteOffset, bytes),
      );
    }
  }

  #read(): Record<string, HostArray> {
    const outputs: Record<string, HostArray> = {};
    for (const { name, address, bytes, type } of this.#outputs.values()) {
      outputs[name] = new type(this.#parts.heap.copy(address, bytes));
    }
    return outputs;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.queue.addSilent(() => {
      this.#parts.pool.remove(this.#program);
      for (const piece of this.#parts.pieces) this.#parts.heap.free(piece);
    });
  }
}

/** Sums phases to calls and takes the mean over the threads. */
function callTimes(
  { plan, phases }: ProgramParts,
  threads: readonly Float64Array[],
): CallTime[] {
  const times = plan.calls.map(() => ({ busy: 0, waiting: 0 }));
  for (const [phase, { call }] of phases.entries()) {
    for (const thread of threads) {
      times[call].busy += thread[2 * phase] / threads.length;
      times[call].waiting += thread[2 * phase + 1] / threads.length;
    }
  }
  return times;
}
