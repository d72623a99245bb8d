/**
 * Packs named tensors into one persistent memory.
 *
 * @module
 */

import { alignPlace, byteLength, placeWithin } from "../../kernels/engine.ts";
import type { Shape, Slot } from "./graph.ts";

/** A region under construction: names, shapes and offsets, but no memory. */
export class Layout {
  /** The memory's name. */
  readonly region: string;
  /** Tensors by name, in the order in which they were added. */
  readonly slots: Map<string, Slot> = new Map();
  readonly #bufferBytes: number | undefined;
  #bytes = 0;

  /**
   * Starts an empty region.
   *
   * @param region The memory's name.
   * @param bufferBytes Tensors do not cross the end of a buffer of this size;
   * left out, the region is one buffer.
   */
  constructor(region: string, bufferBytes?: number) {
    this.region = region;
    this.#bufferBytes = bufferBytes;
  }

  /** Bytes so far; gaps between tensors are zero and stay zero. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Floats so far, gaps included: the length of the flat view. */
  get count(): number {
    return this.#bytes / 4;
  }

  /**
   * Adds a tensor at the end.
   *
   * @param dtype `f16` to store it as such; f32 if left out.
   * @throws {RangeError} If the name is taken.
   */
  add(name: string, shape: Shape, dtype?: Slot["dtype"]): Slot {
    if (this.slots.has(name)) {
      throw new RangeError(
        `Cannot lay out "${name}": got the name twice, wanted it once`,
      );
    }
    const bytes = alignPlace(byteLength(shape, dtype));
    const offset = placeWithin(this.#bytes, bytes, this.#bufferBytes);
    const slot: Slot = {
      name,
      shape,
      region: this.region,
      offset,
      ...dtype && { dtype },
    };
    this.slots.set(name, slot);
    this.#bytes = offset + bytes;
    return slot;
  }

  /** The same region with some of its tensors, where they are. */
  only(keep: (name: string) => boolean): Layout {
    const part = new Layout(this.region, this.#bufferBytes);
    for (const [name, slot] of this.slots) {
      if (keep(name)) part.slots.set(name, slot);
    }
    part.#bytes = this.#bytes;
    return part;
  }

  /** The whole region as one flat tensor, under another region's name. */
  flat(region: string = this.region): Slot {
    return { name: region, shape: [this.count], region, offset: 0 };
  }
}
