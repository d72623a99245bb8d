/**
 * What the axes of kernel calls have in common.
 *
 * @module
 */
import { byteLength, type KernelCall, type Place } from "../engine.ts";

/** Memory that lives until the end of the call that is split. */
export type Allocate = (shape: readonly number[]) => Place;

/** One way to cut a call. */
export interface Axis {
  readonly rows: number;
  /** Parts start at multiples of this many rows, so that bindings are aligned. */
  readonly unit: number;
  /** Bytes of a row of the operands that become smaller. */
  readonly rowBytes: ReadonlyMap<Place, number>;
  /** The calls that take the place of the whole one. */
  cut(at: number, allocate: Allocate): KernelCall[];
}

/** Numbers in an operand. */
export function countOf(place: Place): number {
  return byteLength(place.shape) / 4;
}

/** Part of a contiguous operand. */
export function sliceOf(place: Place, first: number, count: number): Place {
  return { ...place, offset: place.offset + 4 * first, shape: [count] };
}

/** Rows of so many numbers that begin at a multiple of 256 bytes. */
export function unitOf(numbers: number): number {
  let [a, b] = [64, numbers % 64];
  while (b > 0) [a, b] = [b, a % b];
  return 64 / a;
}
