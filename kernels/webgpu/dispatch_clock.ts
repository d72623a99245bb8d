/**
 * Reads the adapter's clock around every dispatch of a run.
 *
 * @module
 */

import type { Guard } from "./guard.ts";

/** The feature that an adapter with such a clock offers. */
export const CLOCK_FEATURE = "timestamp-query";

/** WebGPU's limit of queries in a set, two for each dispatch. */
const DISPATCHES = 2048;

const BYTES = 16;

/** A begin and an end for each dispatch. */
export class DispatchClock {
  readonly #device: GPUDevice;
  readonly #guard: Guard;
  readonly #count: number;
  readonly #sets: readonly GPUQuerySet[];
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  /** @param count Dispatches in a run, at least 1. */
  constructor(device: GPUDevice, guard: Guard, count: number) {
    this.#device = device;
    this.#guard = guard;
    this.#count = count;
    const sets = Math.ceil(count / DISPATCHES);
    this.#sets = Array.from({ length: sets }, () =>
      device.createQuerySet({
        label: "dispatch clock",
        type: "timestamp",
        count: 2 * Math.min(count, DISPATCHES),
      }));
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const size = sets * DISPATCHES * BYTES;
    const label = "dispatch clock";
    const buffer = (usage: number) =>
      device.createBuffer({ label, size, usage });
    this.#resolved = buffer(QUERY_RESOLVE | COPY_SRC);
    this.#staging = buffer(COPY_DST | MAP_READ);
  }

  /** What a pass that holds one dispatch writes. */
  writes(dispatch: number): GPUComputePassTimestampWrites {
    const first = 2 * (dispatch % DISPATCHES);
    return {
      querySet: this.#sets[Math.floor(dispatch / DISPATCHES)],
      beginningOfPassWriteIndex: first,
      endOfPassWriteIndex: first + 1,
    };
  }

  /** Follows the passes in their encoder. */
  resolve(encoder: GPUCommandEncoder): void {
    for (const [i, set] of this.#sets.entries()) {
      const left = Math.min(this.#count - i * DISPATCHES, DISPATCHES);
      const offset = i * DISPATCHES * BYTES;
      encoder.resolveQuerySet(set, 0, 2 * left, this.#resolved, offset);
    }
    const bytes = this.#count * BYTES;
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, bytes);
  }

  /** Milliseconds of each dispatch, once the run has ended. */
  async read(): Promise<number[]> {
    const mapped = this.#staging.mapAsync(GPUMapMode.READ);
    await this.#guard.watch(mapped, "read the clock");
    const times = new BigUint64Array(this.#staging.getMappedRange());
    const spans = Array.from({ length: this.#count }, (_, i) =>
      // Some drivers reset the clock in between.
      Math.max(0, Number(times[2 * i + 1] - times[2 * i])) / 1e6);
    this.#staging.unmap();
    return spans;
  }

  close(): void {
    for (const set of this.#sets) set.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }
}
