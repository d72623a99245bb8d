/**
 * What turns a kernel call into phases of the WASM binary.
 *
 * @module
 */

import { alignPlace, DeviceError } from "../../engine.ts";
import type { KernelCall, Place } from "../../engine.ts";
import type { Blas } from "../blas.ts";

/** A call of one export by every thread; a barrier follows. */
export interface Phase {
  /** The op it belongs to, for messages. */
  readonly kernel: string;
  /** The call that it belongs to, by its position in the plan. */
  readonly call: number;
  /** The export; it gets `args`, then the thread and the number of threads. */
  readonly entry: string;
  readonly args: readonly number[];
}

/** The phases of one kernel call. */
export type Phases = [entry: string, ...args: number[]][];

/** Makes the phases of one kernel call. */
export type Lower = (call: Lowering) => Phases;

/** The block number of places in scratch space, whose offsets are addresses. */
const SCRATCH_BLOCK = -1;

/** A kernel call with its operands' addresses, and scratch space. */
export class Lowering {
  readonly threads: number;
  /** The BLAS library that the workers have, if any. */
  readonly blas: Blas | undefined;
  readonly #call: KernelCall;
  readonly #address: (place: Place) => number;
  readonly #scratch: number;
  #scratchBytes = 0;
  #partBytes = 0;

  /** @param scratch The address of the scratch space that all calls share. */
  constructor(
    call: KernelCall,
    options: {
      threads: number;
      blas: Blas | undefined;
      scratch: number;
      address: (place: Place) => number;
    },
  ) {
    this.#call = call;
    this.threads = options.threads;
    this.blas = options.blas;
    this.#scratch = options.scratch;
    this.#address = (place) =>
      place.block === SCRATCH_BLOCK ? place.offset : options.address(place);
  }

  /** Bytes of scratch space that the call has asked for. */
  get scratchBytes(): number {
    return this.#scratchBytes + this.#partBytes;
  }

  /** The address of an input, 0 if it is absent. */
  input(index: number): number {
    const place = this.#call.inputs[index];
    return place ? this.#address(place) : 0;
  }

  /** The address of an output, 0 if nothing reads it. */
  output(index: number): number {
    const place = this.#call.outputs[index];
    return place ? this.#address(place) : 0;
  }

  /** @throws {DeviceError} If the call lacks the attribute. */
  attribute(name: string): number {
    const value = this.#call.attributes[name];
    if (value === undefined) {
      throw new DeviceError(
        `Cannot compile kernel "${this.#call.kernel}": got no attribute ` +
          `"${name}"`,
      );
    }
    return value;
  }

  /** Several attributes, in order. */
  attributes(...names: string[]): number[] {
    return names.map((name) => this.attribute(name));
  }

  /** Space for the whole call. */
  scratch(floats: number): number {
    const address = this.#scratch + this.#scratchBytes;
    this.#scratchBytes += alignPlace(4 * floats);
    return address;
  }

  /** Space for each thread: the first one's address, and the bytes of each. */
  own(floats: number): [address: number, bytes: number] {
    const bytes = alignPlace(4 * floats);
    return [this.scratch(bytes / 4 * this.threads), bytes];
  }

  /** The phases of the calls that this one is made of, one after the other. */
  parts(
    compose: (
      call: KernelCall,
      take: (shape: readonly number[]) => Place,
    ) => KernelCall[],
    lowers: Readonly<Record<string, Lower>>,
  ): Phases {
    const calls = compose(this.#call, (shape) => {
      const count = shape.reduce((product, size) => product * size, 1);
      const offset = this.scratch(count);
      return { block: SCRATCH_BLOCK, offset, shape, dtype: "f32" };
    });
    return calls.flatMap((call) => {
      const part = new Lowering(call, {
        threads: this.threads,
        blas: this.blas,
        scratch: this.#scratch + this.#scratchBytes,
        address: this.#address,
      });
      const phases = lowers[call.kernel](part);
      this.#partBytes = Math.max(this.#partBytes, part.scratchBytes);
      return phases;
    });
  }
}

/** The scratch floats of a tile, which `product` wants for ragged edges. */
export const SPARE_FLOATS = 64;

/** Floats of the panels of 8 that cover (k, columns). */
export function panelFloats(k: number, columns: number): number {
  return Math.ceil(columns / 8) * 8 * k;
}

/** Floats of the strips of 5 that cover (rows, k). */
export function stripFloats(rows: number, k: number): number {
  return Math.ceil(rows / 5) * 5 * k;
}
