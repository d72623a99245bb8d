import {
  byteLength,
  type HostArray,
  type Plan,
  type StorageType,
} from "../engine.ts";

/** Where a plan's inputs lie in a buffer, one after the other. */
interface Part {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly dtype: StorageType;
}

/**
 * The inputs of a program's runs, in memory that two threads share: a run copies
 * them once, and allocates nothing when another run has ended.
 */
export class RunInputs {
  readonly #parts: readonly Part[];
  readonly #bytes: number;
  readonly #free: SharedArrayBuffer[] = [];

  constructor(inputs: Plan["inputs"]) {
    let offset = 0;
    this.#parts = [...inputs].map(([name, { shape, dtype }]) => {
      const bytes = byteLength(shape);
      offset += bytes;
      return { name, offset: offset - bytes, length: bytes / 4, dtype };
    });
    this.#bytes = offset;
  }

  /** Copies checked inputs into a buffer that no run uses. */
  pack(inputs: Readonly<Record<string, HostArray>>): SharedArrayBuffer {
    const buffer = this.#free.pop() ?? new SharedArrayBuffer(this.#bytes);
    for (const [name, view] of this.#views(buffer)) view.set(inputs[name]);
    return buffer;
  }

  /** Takes back what the run that was given it needs no more. */
  release(buffer: SharedArrayBuffer): void {
    this.#free.push(buffer);
  }

  /** The inputs in a buffer, for an engine, which copies what it is given. */
  unpack(buffer: SharedArrayBuffer): Record<string, HostArray> {
    const views: Record<string, unknown> = Object.fromEntries(
      this.#views(buffer),
    );
    return views as Record<string, HostArray>;
  }

  #views(
    buffer: SharedArrayBuffer,
  ): [string, Float32Array | Int32Array][] {
    return this.#parts.map(({ name, offset, length, dtype }) => [
      name,
      dtype === "i32"
        ? new Int32Array(buffer, offset, length)
        : new Float32Array(buffer, offset, length),
    ]);
  }
}
