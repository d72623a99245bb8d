import {
  byteLength,
  type EngineLimits,
  type Plan,
} from "../../kernels/engine.ts";
import { hinted } from "../errors.ts";

/**
 * Checks a plan against what an engine can hold, before anything is allocated.
 *
 * @throws {RangeError} If the arena or one tensor is too large; it says how
 * large both are.
 */
export function checkPlan(plan: Plan, limits: EngineLimits): void {
  const refuse = (what: string, got: number, wanted: number): never => {
    throw hinted(
      new RangeError(
        `Cannot fit the ${plan.label}: got ${mebibytes(got)} for ${what}, ` +
          `wanted at most ${mebibytes(wanted)}`,
      ),
      "a smaller --batch-size needs less memory",
    );
  };
  if (plan.arenaBytes > limits.memoryBytes) {
    refuse("its activations", plan.arenaBytes, limits.memoryBytes);
  }
  for (const call of plan.calls) {
    for (const place of [...call.inputs, ...call.outputs]) {
      const bytes = place ? byteLength(place.shape) : 0;
      if (bytes > limits.tensorBytes) {
        const what = `a tensor [${place?.shape}] of ${call.kernel}`;
        refuse(what, bytes, limits.tensorBytes);
      }
    }
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
