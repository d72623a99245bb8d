import { alignPlace, byteLength, type Place, placeWithin } from "../engine.ts";

/** The block number of places in a program's scratch memory. */
export const SCRATCH_BLOCK = -1;

/**
 * Hands out scratch memory like a stack: what was taken after a mark is free
 * again once the calls that use it have been lowered, because dispatches run in
 * order.
 */
export class Scratch {
  readonly #bufferBytes: number;
  #used = 0;
  #bytes = 0;

  /** @param bufferBytes No place that fits into a buffer crosses its end. */
  constructor(bufferBytes: number) {
    this.#bufferBytes = bufferBytes;
  }

  /** The most that was in use at a time. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Where the stack stands. */
  get mark(): number {
    return this.#used;
  }

  /** Goes back to a mark. */
  release(mark: number): void {
    this.#used = mark;
  }

  /** Takes memory for a tensor of four-byte elements. */
  take(shape: readonly number[], dtype: Place["dtype"] = "f32"): Place {
    const bytes = alignPlace(byteLength(shape));
    const offset = placeWithin(this.#used, bytes, this.#bufferBytes);
    this.#used = offset + bytes;
    this.#bytes = Math.max(this.#bytes, this.#used);
    return { block: SCRATCH_BLOCK, offset, shape, dtype };
  }
}
