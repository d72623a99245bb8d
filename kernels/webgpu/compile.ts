import {
  alignPlace,
  byteLength,
  type KernelCall,
  type Place,
  PLACE_ALIGNMENT,
  type Plan,
  wordBytes,
} from "../engine.ts";
import { halfShader } from "./half_shader.ts";
import type { Dispatch, Kernel, LoweringContext } from "./kernel.ts";
import { type DeviceLimits, MAX_BUFFERS, UNLIMITED } from "./limits.ts";
import { SCRATCH_BLOCK } from "./scratch.ts";
import { Splitter } from "./split.ts";

/** A plan as dispatches, and the scratch memory that they need. */
export interface Lowered {
  readonly dispatches: readonly Dispatch[];
  /** The call of each dispatch, by its position in the plan. */
  readonly calls: readonly number[];
  readonly scratchBytes: number;
}

/**
 * Lowers every call of a plan to dispatches, in parts where it exceeds a limit.
 *
 * @throws {TypeError} If a kernel is unknown.
 * @throws {RangeError} If a call exceeds the limits and cannot be cut.
 */
export function lowerPlan(
  plan: Plan,
  kernels: ReadonlyMap<string, Kernel>,
  settings: Omit<LoweringContext, "scratch">,
  limits: DeviceLimits = UNLIMITED,
): Lowered {
  const dispatches: Dispatch[] = [];
  const calls: number[] = [];
  const splitter = new Splitter({
    plan,
    limits,
    lower: (call, scratch) => {
      const context = { ...settings, scratch };
      const [separate, copies] = separateInputs(call, scratch);
      return [...copies, separate].flatMap((call) =>
        kernelOf(plan, kernels, call).lower(call, context)
      ).map(typed);
    },
  });
  for (const [index, call] of plan.calls.entries()) {
    dispatches.push(...splitter.lower(call));
    while (calls.length < dispatches.length) calls.push(index);
  }
  return { dispatches, calls, scratchBytes: splitter.scratchBytes };
}

/** The dispatch with the shader for the types of its operands. */
function typed(dispatch: Dispatch): Dispatch {
  const half = dispatch.places.flatMap((place, binding) =>
    place?.dtype === "f16" ? [binding] : []
  );
  if (half.length === 0) return dispatch;
  return { ...dispatch, shader: halfShader(dispatch.shader, half) };
}

function kernelOf(
  { label }: Plan,
  kernels: ReadonlyMap<string, Kernel>,
  call: KernelCall,
): Kernel {
  const kernel = kernels.get(call.kernel);
  if (kernel) return kernel;
  throw new TypeError(
    `Cannot compile ${label}: got kernel ${call.kernel}, wanted one of ` +
      [...kernels.keys()].join(", "),
  );
}

/**
 * Refuses a plan that does not fit, before anything is allocated for it.
 *
 * @throws {RangeError} If a place is out of bounds, or what the host writes or
 * reads is larger than a buffer.
 */
export function checkPlaces(
  plan: Plan,
  { dispatches, scratchBytes }: Lowered,
  limits: DeviceLimits,
): void {
  const memoryBytes = MAX_BUFFERS * limits.bufferBytes;
  for (const bytes of [plan.arenaBytes, scratchBytes]) {
    if (bytes <= memoryBytes) continue;
    throw new RangeError(
      `Cannot compile ${plan.label}: got ${bytes} bytes in one block, wanted ` +
        `at most ${memoryBytes}`,
    );
  }
  const blocks = [plan.arenaBytes, ...plan.memories.map(({ bytes }) => bytes)];
  const check = (place: Place, what: string) => {
    const bytes = byteLength(place.shape, place.dtype);
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
  const crossed = (place: Place, what: string) => {
    check(place, what);
    const { bufferBytes } = limits;
    const first = Math.floor(place.offset / bufferBytes);
    const end = place.offset + byteLength(place.shape, place.dtype);
    if (end <= (first + 1) * bufferBytes) return;
    throw new RangeError(
      `Cannot compile ${plan.label}: got ${what} [${place.shape}] at byte ` +
        `${place.offset}, wanted it within one buffer of ${bufferBytes} bytes`,
    );
  };
  for (const [name, place] of plan.inputs) crossed(place, `input ${name}`);
  for (const [name, place] of plan.outputs) crossed(place, `output ${name}`);
  for (const { shader, places } of dispatches) {
    places.forEach((place, i) => {
      if (place) check(place, `${shader.bindings[i]} of ${shader.name}`);
    });
  }
}

/**
 * Copies inputs that overlap earlier ones: WebGPU forbids two writable
 * bindings of overlapping ranges, and all bindings here are writable.
 */
function separateInputs(
  call: KernelCall,
  scratch: LoweringContext["scratch"],
): [KernelCall, KernelCall[]] {
  const copies: KernelCall[] = [];
  const inputs = call.inputs.map((place, i) => {
    if (place === undefined) return undefined;
    const earlier = call.inputs.slice(0, i);
    if (!earlier.some((other) => other && overlap(place, other))) return place;
    const words = wordsOf(place);
    const [count] = words.shape;
    const copy = scratch([count]);
    copies.push({
      kernel: "copy",
      inputs: [words],
      outputs: [copy],
      attributes: { count },
    });
    return { ...place, block: copy.block, offset: copy.offset };
  });
  return copies.length === 0 ? [call, copies] : [{ ...call, inputs }, copies];
}

/** The same bytes as numbers of 32 bits. */
function wordsOf(place: Place): Place {
  const dtype = place.dtype === "f16" ? "i32" : place.dtype;
  return { ...place, dtype, shape: [wordBytes(place) / 4] };
}

function overlap(a: Place, b: Place): boolean {
  const endOf = (place: Place) =>
    place.offset + alignPlace(byteLength(place.shape, place.dtype));
  return a.block === b.block && a.offset < endOf(b) && b.offset < endOf(a);
}
