import {
  byteLength,
  type EngineLimits,
  type Plan,
} from "../../kernels/engine.ts";
import { hinted } from "../errors.ts";

/** What is too large for an engine. */
interface Excess {
  readonly what: string;
  readonly got: number;
  readonly wanted: number;
}

/**
 * Checks a plan against what an engine can hold, before anything is allocated.
 *
 * @throws {RangeError} If the arena or one of its tensors is too large; it says
 * how large both are.
 */
export function checkPlan(plan: Plan, limits: EngineLimits): void {
  const excess = excessOf(plan, limits);
  if (!excess) return;
  const { what, got, wanted } = excess;
  throw hinted(
    new RangeError(
      `Cannot fit the ${plan.label}: got ${mebibytes(got)} for ${what}, ` +
        `wanted at most ${mebibytes(wanted)}`,
    ),
    "a smaller --batch-size needs less memory",
  );
}

/** Whether {@linkcode checkPlan} would let a plan pass. */
export function planFits(plan: Plan, limits: EngineLimits): boolean {
  return excessOf(plan, limits) === undefined;
}

function excessOf(plan: Plan, limits: EngineLimits): Excess | undefined {
  const { memoryBytes, tensorBytes } = limits;
  const { arenaBytes } = plan;
  if (arenaBytes > memoryBytes) {
    return { what: "its activations", got: arenaBytes, wanted: memoryBytes };
  }
  for (const call of plan.calls) {
    for (const place of [...call.inputs, ...call.outputs]) {
      // Memories were made before, and flat ranges of them may be larger.
      if (place?.block !== 0) continue;
      const got = byteLength(place.shape, place.dtype);
      if (got <= tensorBytes) continue;
      const what = `a tensor [${place.shape}] of ${call.kernel}`;
      return { what, got, wanted: tensorBytes };
    }
  }
  return undefined;
}

/** Bytes as "1.5 MiB". */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
