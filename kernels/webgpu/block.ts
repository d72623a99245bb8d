import { alignPlace, type Place } from "../engine.ts";

/** One range of bytes over as many buffers as it takes. */
export class Block {
  readonly #buffers: readonly GPUBuffer[];
  readonly #bufferBytes: number;

  /**
   * Makes the buffers, all of the same size but the last.
   *
   * @param bufferBytes The largest one, a multiple of 256.
   */
  constructor(
    device: GPUDevice,
    { label, bytes, usage, bufferBytes }: {
      label: string;
      bytes: number;
      usage: number;
      bufferBytes: number;
    },
  ) {
    const buffers: GPUBuffer[] = [];
    const total = alignPlace(Math.max(bytes, 1));
    try {
      for (let start = 0; start < total; start += bufferBytes) {
        const size = Math.min(bufferBytes, total - start);
        const name = total > bufferBytes ? `${label} ${buffers.length}` : label;
        buffers.push(device.createBuffer({ label: name, size, usage }));
      }
    } catch (error) {
      for (const buffer of buffers) buffer.destroy();
      throw error;
    }
    this.#buffers = buffers;
    this.#bufferBytes = bufferBytes;
  }

  /** Bytes of all buffers. */
  get bytes(): number {
    return this.#buffers.reduce((sum, { size }) => sum + size, 0);
  }

  /** The buffer with a byte, and where in it. */
  at({ offset }: Pick<Place, "offset">): { buffer: GPUBuffer; offset: number } {
    const index = Math.floor(offset / this.#bufferBytes);
    return {
      buffer: this.#buffers[index],
      offset: offset - index * this.#bufferBytes,
    };
  }

  /** The pieces of a range, one for each buffer that it touches. */
  *pieces(
    offset: number,
    bytes: number,
  ): Generator<
    { buffer: GPUBuffer; offset: number; from: number; bytes: number }
  > {
    for (let from = 0; from < bytes;) {
      const place = this.at({ offset: offset + from });
      const room = this.#bufferBytes - place.offset;
      const length = Math.min(room, bytes - from);
      yield { ...place, from, bytes: length };
      from += length;
    }
  }

  /** Frees the buffers; none may be mapped. */
  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}
