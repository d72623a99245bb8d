/**
 * What a kernel of this engine is: WGSL text, and the rule that lowers one
 * call of the contract to dispatches.
 *
 * Every binding is a `read_write` storage buffer, because inputs and outputs
 * of one dispatch usually are ranges of one arena, and WebGPU allows several
 * ranges of a buffer in a dispatch only when all of them have the same usage.
 * Ranges are rounded up to 16 bytes, so a tensor may be declared as
 * `array<vec4f>`; a kernel must not write past the tensor's last element.
 *
 * @module
 */
import type { HalfOperands, KernelCall, Place } from "../engine.ts";
import type { MatmulChoices } from "./matmul_variant.ts";

/** One WGSL module with one entry point. */
export interface Shader {
  /** Names the kernel in errors. */
  readonly name: string;
  readonly wgsl: string;
  readonly entry: string;
  /** The names of bindings 0, 1, … of group 0. */
  readonly bindings: readonly string[];
  /**
   * Whether a uniform buffer follows the bindings. Sizes in it instead of in
   * overrides let one pipeline serve many shapes.
   */
  readonly uniform?: boolean;
  /** Whether lanes hand each other numbers, which not every device can. */
  readonly subgroups?: boolean;
}

/** Workgroups along x, y, z; each at most 65,535. */
export type Grid = readonly [number, number, number];

/** One dispatch of a shader. */
export interface Dispatch {
  readonly shader: Shader;
  /** In the order of the shader's bindings; absent operands are undefined. */
  readonly places: readonly (Place | undefined)[];
  /** Values of the shader's `override` declarations. */
  readonly constants: Readonly<Record<string, number>>;
  readonly grid: Grid;
  /** Bits of the uniform buffer, at most 64 words. */
  readonly uniform?: readonly number[];
}

/** What decides which kernels suit an adapter. */
export interface AdapterClass {
  /** Whether it computes on the processor: then it wants no barriers. */
  readonly software: boolean;
  /** Whether kernels for software adapters may use subgroups; false. */
  readonly subgroups?: boolean;
}

/** What a lowering rule may know and use. */
export interface LoweringContext extends AdapterClass {
  /** The rule for matrix products; see matmul.ts. */
  readonly matmulFamily: MatmulFamily;
  /** What a tuner found to be best on this adapter. */
  readonly tuned?: MatmulChoices;
  /** Memory that lives until the end of the call being lowered. */
  scratch(shape: readonly number[]): Place;
}

/** Which matrix product is used; `auto` decides by adapter class. */
export type MatmulFamily = "auto" | "register" | "tile";

/** A row of the kernel contract. */
export interface Kernel {
  /** The name of the op. */
  readonly name: string;
  /** Every shader that `lower` may use. */
  readonly shaders: readonly Shader[];
  /** Which operands may be stored as f16; left out, none. */
  readonly half?: HalfOperands;
  lower(call: KernelCall, context: LoweringContext): Dispatch[];
}

/** WebGPU's limit of workgroups per dimension. */
export const MAX_GROUPS = 65_535;

/**
 * A grid of at least `groups` workgroups, for shaders that number their
 * workgroups by `group.y * groups.x + group.x` and skip the surplus.
 *
 * @throws {RangeError} If there are more than 65,535² workgroups.
 */
export function flatGrid(groups: number): Grid {
  const rows = Math.ceil(groups / MAX_GROUPS);
  if (rows > MAX_GROUPS) {
    throw new RangeError(
      `Cannot dispatch a kernel: got ${groups} workgroups, ` +
        `wanted at most ${MAX_GROUPS ** 2}`,
    );
  }
  const grid: Grid = [Math.ceil(groups / rows), rows, 1];
  flatGroups.set(grid, groups);
  return grid;
}

const flatGroups = new WeakMap<Grid, number>();

/** The grid with fewer workgroups a dimension, if it may be folded anew. */
export function refold(grid: Grid, limit: number): Grid {
  const groups = flatGroups.get(grid);
  if (groups === undefined || grid[0] <= limit) return grid;
  const rows = Math.ceil(groups / limit);
  return [Math.ceil(groups / rows), rows, 1];
}

/** The operand, which the contract says is present. */
export function required(
  call: KernelCall,
  kind: "inputs" | "outputs",
  index: number,
): Place {
  const place = call[kind][index];
  if (place === undefined) {
    throw new TypeError(
      `Cannot lower ${call.kernel}: got no ${kind}[${index}], wanted a place`,
    );
  }
  return place;
}

/** The attribute, which the contract says is present. */
export function attribute(call: KernelCall, name: string): number {
  const value = call.attributes[name];
  if (value === undefined) {
    throw new TypeError(
      `Cannot lower ${call.kernel}: got no attribute ${name}, wanted a number`,
    );
  }
  return value;
}

/** 1 for an operand that is there, else 0: the value of a bool override. */
export function flag(value: unknown): number {
  return value === undefined ? 0 : 1;
}
