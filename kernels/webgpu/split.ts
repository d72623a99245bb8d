/**
 * Lowers kernel calls within the limits of a device: a call with a binding that
 * is too large or crosses the end of a buffer, or with too many workgroups, is
 * cut in two until its parts fit.
 *
 * @module
 */
import {
  byteLength,
  type KernelCall,
  type Place,
  type Plan,
} from "../engine.ts";
import { type Dispatch, type LoweringContext, refold } from "./kernel.ts";
import type { DeviceLimits } from "./limits.ts";
import { Scratch } from "./scratch.ts";
import { axesOf } from "./split_axes.ts";
import type { Axis } from "./split_axis.ts";

/** What a splitter works with. */
export interface SplitterOptions {
  readonly plan: Plan;
  readonly limits: DeviceLimits;
  /** Lowers a call as it is. */
  lower(call: KernelCall, scratch: LoweringContext["scratch"]): Dispatch[];
}

/** Why dispatches do not fit: a place, or where there is none, workgroups. */
interface Excess {
  readonly place?: Place;
  /** Bytes or workgroups, and how many there may be. */
  readonly got: number;
  readonly wanted: number;
  readonly what: string;
}

/** Lowers the calls of a plan, one after the other. */
export class Splitter {
  readonly #options: SplitterOptions;
  readonly #scratch: Scratch;

  constructor(options: SplitterOptions) {
    this.#options = options;
    this.#scratch = new Scratch(options.limits.bufferBytes);
  }

  /** Scratch memory for the calls so far. */
  get scratchBytes(): number {
    return this.#scratch.bytes;
  }

  /** @throws {RangeError} If the call exceeds a limit and cannot be cut. */
  lower(call: KernelCall): Dispatch[] {
    const { limits } = this.#options;
    const scratch = this.#scratch;
    const mark = scratch.mark;
    const take = (shape: readonly number[]) => scratch.take(shape);
    const dispatches = this.#options.lower(call, take).map((dispatch) => ({
      ...dispatch,
      grid: refold(dispatch.grid, limits.groups),
    }));
    scratch.release(mark);
    const excess = excessOf(dispatches, limits);
    if (!excess) return dispatches;
    const axis = this.#axisFor(call, excess);
    const parts = axis.cut(cutOf(axis, excess, limits), take)
      .flatMap((part) => this.lower(part));
    scratch.release(mark);
    return parts;
  }

  /** The axis that makes smaller what is too large. */
  #axisFor(call: KernelCall, { place, got, wanted, what }: Excess): Axis {
    const axes = axesOf(call).filter(({ rows, unit }) => rows > unit)
      .sort((a, b) => b.rows / b.unit - a.rows / a.unit);
    const operand = [...call.inputs, ...call.outputs].find((other) =>
      place && other?.block === place.block && other.offset === place.offset
    );
    const axis = operand
      ? axes.find(({ rowBytes }) => rowBytes.has(operand))
      : axes[0];
    if (axis) return axis;
    throw new RangeError(
      `Cannot compile ${this.#options.plan.label}: got ${got} ${what} of ` +
        `${call.kernel}, wanted at most ${wanted}, the adapter's limit, and ` +
        `no way to cut it`,
    );
  }
}

function excessOf(
  dispatches: readonly Dispatch[],
  { bindingBytes, bufferBytes, groups }: DeviceLimits,
): Excess | undefined {
  for (const { shader, places, grid } of dispatches) {
    for (const [i, place] of places.entries()) {
      if (!place) continue;
      const bytes = byteLength(place.shape, place.dtype);
      const room = bufferBytes - place.offset % bufferBytes;
      if (bytes <= Math.min(room, bindingBytes)) continue;
      const what = `bytes [${place.shape}] for ${shader.bindings[i]}`;
      return { place, got: bytes, wanted: Math.min(room, bindingBytes), what };
    }
    const most = Math.max(...grid);
    if (most > groups) {
      return { got: most, wanted: groups, what: "workgroups in one dimension" };
    }
  }
  return undefined;
}

/** Where to cut: at the end of a buffer if that can be, else in the middle. */
function cutOf(
  { rows, unit, rowBytes }: Axis,
  { place, got, wanted }: Excess,
  { bindingBytes }: DeviceLimits,
): number {
  const operand = place &&
    [...rowBytes].find(([{ block, offset }]) =>
      block === place.block && offset === place.offset
    );
  const fitting = operand ? Math.floor(wanted / operand[1]) : 0;
  if (got > wanted && wanted < bindingBytes && fitting % unit === 0) {
    if (fitting > 0 && fitting < rows) return fitting;
  }
  return Math.max(unit, Math.round(rows / 2 / unit) * unit);
}
