import {
  alignPlace,
  byteLength,
  type EngineLimits,
  type KernelCall,
  type Place,
  PLACE_ALIGNMENT,
  type Plan,
} from "../engine.ts";
import {
  type Dispatch,
  type Kernel,
  type LoweringContext,
  MAX_GROUPS,
} from "./kernel.ts";

/** The block number of places in a program's scratch memory. */
export const SCRATCH_BLOCK = -1;

/** A plan as dispatches, and the scratch memory that they need. */
export interface Lowered {
  readonly dispatches: readonly Dispatch[];
  /** The call of each dispatch, by its position in the plan. */
  readonly calls: readonly number[];
  readonly scratchBytes: number;
}

/**
 * Lowers every call of a plan to dispatches.
 *
 * @throws {TypeError} If a kernel is unknown.
 */
export function lowerPlan(
  plan: Plan,
  kernels: ReadonlyMap<string, Kernel>,
  settings: Omit<LoweringContext, "scratch">,
): Lowered {
  const dispatches: Dispatch[] = [];
  const calls: number[] = [];
  let scratchBytes = 0;
  for (const [index, call] of plan.calls.entries()) {
    const kernel = kernels.get(call.kernel);
    if (kernel === undefined) {
      throw new TypeError(
        `Cannot compile ${plan.label}: got kernel ${call.kernel}, ` +
          `wanted one of ${[...kernels.keys()].join(", ")}`,
      );
    }
    let used = 0;
    const scratch = (shape: readonly number[]): Place => {
      const place: Place = {
        block: SCRATCH_BLOCK,
        offset: used,
        shape,
        dtype: "f32",
      };
      used += alignPlace(byteLength(shape));
      return place;
    };
    const context = { ...settings, scratch };
    const [separate, copies] = separateInputs(call, kernels, context);
    dispatches.push(...copies, ...kernel.lower(separate, context));
    while (calls.length < dispatches.length) calls.push(index);
    scratchBytes = Math.max(scratchBytes, used);
  }
  return { dispatches, calls, scratchBytes };
}

/**
 * Refuses a plan that does not fit, before anything is allocated for it.
 *
 * @throws {RangeError} If a place or block is too large or out of bounds.
 */
export function checkPlan(
  plan: Plan,
  lowered: Lowered,
  limits: EngineLimits,
): void {
  const blocks = [plan.arenaBytes, ...plan.memories.map(({ bytes }) => bytes)];
  for (const bytes of [plan.arenaBytes, lowered.scratchBytes]) {
    if (bytes > limits.memoryBytes) {
      throw new RangeError(
        `Cannot compile ${plan.label}: got ${bytes} bytes in one buffer, ` +
          `wanted at most ${limits.memoryBytes}, the adapter's limit`,
      );
    }
  }
  const check = (place: Place, what: string) => {
    const bytes = byteLength(place.shape);
    if (bytes > limits.tensorBytes) {
      throw new RangeError(
        `Cannot compile ${plan.label}: got ${bytes} bytes for ${what} ` +
          `[${place.shape}], wanted at most ${limits.tensorBytes}, ` +
          `the adapter's limit`,
      );
    }
    if (place.block === SCRATCH_BLOCK) return;
    const end = blocks[place.block];
    const aligned = place.offset % PLACE_ALIGNMENT === 0;
    if (!aligned || !(place.offset + bytes <= end)) {
      throw new RangeError(
        `Cannot compile ${plan.label}: got ${what} [${place.shape}] at byte ` +
          `${place.offset} of block ${place.block}, wanted a multiple of ` +
          `${PLACE_ALIGNMENT} that fits into ${end} bytes`,
      );
    }
  };
  for (const [name, place] of plan.inputs) check(place, `input ${name}`);
  for (const [name, place] of plan.outputs) check(place, `output ${name}`);
  for (const { shader, places, grid } of lowered.dispatches) {
    places.forEach((place, i) => {
      if (place) check(place, `${shader.bindings[i]} of ${shader.name}`);
    });
    if (grid.some((groups) => groups < 1 || groups > MAX_GROUPS)) {
      throw new RangeError(
        `Cannot compile ${plan.label}: got [${grid}] workgroups of ` +
          `${shader.name}, wanted 1 to ${MAX_GROUPS} in each dimension`,
      );
    }
  }
}

/**
 * Copies inputs that overlap earlier ones: WebGPU forbids two writable
 * bindings of overlapping ranges, and all bindings here are writable.
 */
function separateInputs(
  call: KernelCall,
  kernels: ReadonlyMap<string, Kernel>,
  context: LoweringContext,
): [KernelCall, Dispatch[]] {
  const copies: Dispatch[] = [];
  const inputs = call.inputs.map((place, i) => {
    if (place === undefined) return undefined;
    const earlier = call.inputs.slice(0, i);
    if (!earlier.some((other) => other && overlap(place, other))) return place;
    const copy = { ...context.scratch(place.shape), dtype: place.dtype };
    const copyCall: KernelCall = {
      kernel: "copy",
      inputs: [place],
      outputs: [copy],
      attributes: { count: byteLength(place.shape) / 4 },
    };
    copies.push(...kernels.get("copy")!.lower(copyCall, context));
    return copy;
  });
  return copies.length === 0 ? [call, copies] : [{ ...call, inputs }, copies];
}

function overlap(a: Place, b: Place): boolean {
  return a.block === b.block &&
    a.offset < b.offset + alignPlace(byteLength(b.shape)) &&
    b.offset < a.offset + alignPlace(byteLength(a.shape));
}
