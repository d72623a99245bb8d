/**
 * The one shared memory of an engine and the places that are free in it.
 *
 * @module
 */

import { alignPlace, DeviceError } from "../engine.ts";

/** Bytes of a WASM page. */
const PAGE = 65536;

/** The most pages that 32-bit addresses reach. */
const MAX_PAGES = 65536;

/** The first page belongs to the threads' control words. */
export const RESERVED_BYTES: number = PAGE;

/** The largest single piece that a heap can hold, in bytes. */
export const MAX_PIECE_BYTES: number = (MAX_PAGES - 1) * PAGE;

interface Gap {
  address: number;
  bytes: number;
}

/** Allocates aligned pieces of a growing shared memory, first fit. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Sorted by address; neighbours never touch. */
  readonly #gaps: Gap[] = [];
  readonly #pieces = new Map<number, number>();

  constructor() {
    this.memory = new WebAssembly.Memory({
      initial: RESERVED_BYTES / PAGE,
      maximum: MAX_PAGES,
      shared: true,
    });
  }

  /** Bytes in use by pieces. */
  get usedBytes(): number {
    return this.#pieces.values().reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Takes a piece whose content is undefined.
   *
   * @returns Its address, a multiple of 256.
   * @throws {DeviceError} If the memory cannot grow that far.
   */
  allocate(bytes: number): number {
    const size = alignPlace(Math.max(bytes, 1));
    let gap = this.#gaps.find((gap) => gap.bytes >= size);
    if (!gap) {
      this.#grow(size);
      gap = this.#gaps[this.#gaps.length - 1];
    }
    const { address } = gap;
    gap.address += size;
    gap.bytes -= size;
    if (gap.bytes === 0) this.#gaps.splice(this.#gaps.indexOf(gap), 1);
    this.#pieces.set(address, size);
    return address;
  }

  /** Gives a piece back; anything else than a piece is ignored. */
  free(address: number): void {
    const bytes = this.#pieces.get(address);
    if (bytes === undefined) return;
    this.#pieces.delete(address);
    this.#release(address, bytes);
  }

  /** A view that is good until the memory grows: use it at once. */
  bytes(address: number, length: number): Uint8Array<ArrayBufferLike> {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  /** A copy outside of the shared memory. */
  copy(address: number, length: number): ArrayBuffer {
    const result = new Uint8Array(length);
    result.set(this.bytes(address, length));
    return result.buffer;
  }

  /** Enlarges the memory so that its last gap holds `bytes`. */
  #grow(bytes: number): void {
    const end = this.memory.buffer.byteLength;
    const last = this.#gaps.at(-1);
    const tail = last && last.address + last.bytes === end ? last.bytes : 0;
    const pages = Math.ceil((bytes - tail) / PAGE);
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new DeviceError(
        `Cannot allocate ${bytes} bytes: got ${end} bytes in the CPU ` +
          `engine's memory already, wanted at most ${MAX_PAGES * PAGE} in all`,
        { cause },
      );
    }
    this.#release(end, pages * PAGE);
  }

  /** Inserts a gap and joins it with its neighbours. */
  #release(address: number, bytes: number): void {
    let index = this.#gaps.findIndex((gap) => gap.address > address);
    if (index < 0) index = this.#gaps.length;
    const gap = { address, bytes };
    const next = this.#gaps[index];
    if (next && gap.address + gap.bytes === next.address) {
      gap.bytes += next.bytes;
      this.#gaps.splice(index, 1);
    }
    const before = this.#gaps[index - 1];
    if (before && before.address + before.bytes === gap.address) {
      before.bytes += gap.bytes;
    } else {
      this.#gaps.splice(index, 0, gap);
    }
  }
}
