/**
 * What the axes of kernel calls have in common.
 *
 * @module
 */
import {
  elementBytes,
  type KernelCall,
  type Place,
  PLACE_ALIGNMENT,
} from "../engine.ts";

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
  return place.shape.reduce((product, size) => product * size, 1);
}

/** Part of a contiguous operand. */
export function sliceOf(place: Place, first: number, count: number): Place {
  const offset = place.offset + elementBytes(place.dtype) * first;
  return { ...place, offset, shape: [count] };
}

/** Rows of so many bytes that begin at a multiple of 256 bytes. */
export function unitOf(bytes: number): number {
  let [a, b] = [PLACE_ALIGNMENT, bytes % PLACE_ALIGNMENT];
  while (b > 0) [a, b] = [b, a % b];
  return PLACE_ALIGNMENT / a;
}
