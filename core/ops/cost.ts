/**
 * What a kernel call has to compute and to move, for profiles.
 *
 * @module
 */

import { byteLength, type KernelCall } from "../../kernels/engine.ts";
import { ops } from "./mod.ts";

/** The work of a kernel call. */
export interface Cost {
  /** Operations; see `Op.flops`. */
  readonly flops: number;
  /** Operands and results, each whole and once; overwritten ones twice. */
  readonly bytes: number;
}

/** The cost of one call; no operations where the op is unknown. */
export function costOf(call: KernelCall): Cost {
  const op = ops.get(call.kernel);
  const overwritten = op?.mutates?.map((index) => call.inputs[index]) ?? [];
  const moved = [...call.inputs, ...call.outputs, ...overwritten];
  return {
    flops: op?.flops?.(call.attributes) ?? 0,
    bytes: moved.reduce(
      (sum, p) => sum + (p ? byteLength(p.shape, p.dtype) : 0),
      0,
    ),
  };
}
