/**
 * Compiled plans of the CPU engine.
 *
 * @module
 */

import {
  byteLength,
  DeviceError,
  type HostArray,
  type Place,
  type Plan,
  type Program,
} from "../engine.ts";
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
    const { plan, address, heap, pool } = parts;
    this.#label = plan.label;
    this.#inputs = toPorts(plan.inputs, address);
    this.#outputs = toPorts(plan.outputs, address);
    this.#parts = parts;
    for (const { address, bytes } of this.#inputs.values()) {
      heap.bytes(address, bytes).fill(0);
    }
    this.#program = pool.add(parts.phases);
  }

  // deno-lint-ignore require-await -- failures reject
  async run(
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>> {
    if (this.#closed) {
      throw new DeviceError(`Cannot run "${this.#label}": it is closed`);
    }
    const arrays = Object.entries(inputs)
      .map(([name, array]) => [this.#check(name, array), array] as const);
    return this.#parts.queue.add(async () => {
      const { heap, pool } = this.#parts;
      for (const [port, array] of arrays) {
        const { buffer, byteOffset, byteLength } = array;
        const bytes = new Uint8Array(buffer, byteOffset, byteLength);
        heap.bytes(port.address, port.bytes).set(bytes);
      }
      await pool.run(this.#program);
      const outputs: Record<string, HostArray> = {};
      for (const { name, address, bytes, type } of this.#outputs.values()) {
        outputs[name] = new type(heap.copy(address, bytes));
      }
      return outputs;
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.queue.addSilent(() => {
      this.#parts.pool.remove(this.#program);
      for (const piece of this.#parts.pieces) this.#parts.heap.free(piece);
    });
  }

  #check(name: string, array: HostArray): Port {
    const port = this.#inputs.get(name);
    if (!port) {
      throw new TypeError(
        `Cannot run "${this.#label}": got input "${name}", wanted one of ` +
          `${[...this.#inputs.keys()].join(", ")}`,
      );
    }
    if (!(array instanceof port.type) || array.byteLength !== port.bytes) {
      throw new TypeError(
        `Cannot run "${this.#label}": got ${array?.constructor.name} of ` +
          `${array?.length} as "${name}", wanted ${port.type.name} of ` +
          `${port.bytes / 4}`,
      );
    }
    return port;
  }
}
