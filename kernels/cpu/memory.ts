/**
 * Persistent memories of the CPU engine.
 *
 * @module
 */

import { DeviceError, type HostArray, type Memory } from "../engine.ts";
import type { Heap } from "./heap.ts";
import type { Queue } from "./queue.ts";

/** A piece of the heap that outlives programs. */
export class CpuMemory implements Memory {
  readonly label: string;
  readonly bytes: number;
  readonly heap: Heap;
  readonly #address: number;
  readonly #queue: Queue;
  #closed = false;

  /** @throws {DeviceError} If the heap is full. */
  constructor(heap: Heap, queue: Queue, bytes: number, label: string) {
    this.heap = heap;
    this.bytes = bytes;
    this.label = label;
    this.#queue = queue;
    this.#address = heap.allocate(bytes);
    heap.bytes(this.#address, bytes).fill(0);
  }

  /**
   * Where it starts.
   *
   * @throws {DeviceError} If it is closed.
   */
  get address(): number {
    this.#checkOpen();
    return this.#address;
  }

  write(data: HostArray, offset: number): void {
    this.#checkOpen();
    this.#checkRange("write", offset, data.byteLength);
    const { buffer, byteOffset, byteLength } = data;
    // The caller may change the array while earlier runs are in progress.
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    const kept = this.#queue.idle ? bytes : bytes.slice();
    this.#queue.addSilent(() =>
      this.heap.bytes(this.#address + offset, kept.length).set(kept)
    );
  }

  read(offset: number, bytes: number): Promise<ArrayBuffer> {
    this.#checkOpen();
    this.#checkRange("read", offset, bytes);
    return this.#queue.add(() => this.heap.copy(this.#address + offset, bytes));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.addSilent(() => this.heap.free(this.#address));
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new DeviceError(`Cannot use memory "${this.label}": it is closed`);
    }
  }

  #checkRange(verb: string, offset: number, bytes: number): void {
    if (!(offset >= 0) || !(bytes >= 0) || offset + bytes > this.bytes) {
      throw new RangeError(
        `Cannot ${verb} memory "${this.label}": got bytes ${offset} to ` +
          `${offset + bytes}, wanted 0 to ${this.bytes}`,
      );
    }
  }
}
