import type { KernelCall, Place } from "../engine.ts";
import { type Dispatch, flatGrid, type Shader } from "./kernel.ts";

/**
 * Lowers a kernel whose invocations make four consecutive elements each.
 *
 * Its shader has workgroups of 64 and an override COUNT, the number of
 * elements of the result.
 */
export function elementwise(
  shader: Shader,
  places: readonly (Place | undefined)[],
  count: number,
  constants: Readonly<Record<string, number>> = {},
): Dispatch[] {
  return [{
    shader,
    places,
    constants: { COUNT: count, ...constants },
    grid: flatGrid(Math.ceil(count / 256)),
  }];
}

/** The elements of the first output. */
export function outputCount(call: KernelCall): number {
  return call.outputs[0]!.shape.reduce((product, size) => product * size, 1);
}
