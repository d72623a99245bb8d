/**
 * Where readers put what they read: into fresh arrays, or into a buffer that is
 * used again and again.
 *
 * @module
 */

/** Hands out memory whose content is undefined. */
export interface Room {
  /** So many bytes, from a multiple of 8 on. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** So many numbers. */
  floats(length: number): Float32Array<ArrayBuffer>;
}

/** Makes new arrays, which are the caller's to keep. */
export const freshRoom: Room = {
  bytes: (length) => new Uint8Array(length),
  floats: (length) => new Float32Array(length),
};

/**
 * One buffer that is handed out piece by piece and, once cleared, again. Arrays
 * of megabytes that are dropped one after another would wait for the garbage
 * collector by the hundred.
 */
export class ScratchRoom implements Room {
  #buffer = new ArrayBuffer(0);
  #used = 0;

  /** Takes everything back: arrays handed out before will be overwritten. */
  clear(): void {
    this.#used = 0;
  }

  /** So many bytes, from a multiple of 8 on. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const start = this.#take(length);
    return new Uint8Array(this.#buffer, start, length);
  }

  /** So many numbers. */
  floats(length: number): Float32Array<ArrayBuffer> {
    const start = this.#take(4 * length);
    return new Float32Array(this.#buffer, start, length);
  }

  /** The start of so many bytes, in a larger buffer if need be. */
  #take(length: number): number {
    const end = this.#used + Math.ceil(length / 8) * 8;
    if (end > this.#buffer.byteLength) {
      // Arrays handed out from the buffer before keep it until they are dropped;
      // the new one has room for them too when they are asked for again.
      this.#buffer = new ArrayBuffer(
        Math.max(end, 2 * this.#buffer.byteLength),
      );
    }
    const start = this.#used;
    this.#used = end;
    return start;
  }
}
