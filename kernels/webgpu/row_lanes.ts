/**
 * How the kernels that reduce rows share them out.
 *
 * On hardware a workgroup of LANES invocations takes a row, and what each has
 * found is combined as a tree. On a software adapter every invocation takes a
 * row of its own: with barriers such an adapter compiles for two to four times
 * as long, and runs for longer.
 *
 * The WGSL of a kernel declares `@workgroup_size(LANES * GROUP_ROWS)`; its
 * invocation `index` is lane `index % LANES` of the row
 * `first_row(group, groups) + index / LANES`, which may be past the last one.
 *
 * @module
 */
import {
  type Dispatch,
  flatGrid,
  type LoweringContext,
  type Shader,
} from "./kernel.ts";

const COMMON = /* wgsl */ `
fn first_row(group: vec3u, groups: vec3u) -> u32 {
  return (group.y * groups.x + group.x) * GROUP_ROWS;
}
`;

const ALONE = /* wgsl */ `
const LANES = 1u;
const GROUP_ROWS = 8u;

fn total(value: f32, lane: u32) -> f32 { return value; }
fn largest(value: f32, lane: u32) -> f32 { return value; }
`;

const SHARED = /* wgsl */ `
override LANES: u32;
const GROUP_ROWS = 1u;

var<workgroup> values: array<f32, LANES>;

fn total(value: f32, lane: u32) -> f32 {
  values[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half >>= 1u) {
    if (lane < half) { values[lane] += values[lane + half]; }
    workgroupBarrier();
  }
  let sum = values[0];
  workgroupBarrier();
  return sum;
}

fn largest(value: f32, lane: u32) -> f32 {
  values[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half >>= 1u) {
    if (lane < half) { values[lane] = max(values[lane], values[lane + half]); }
    workgroupBarrier();
  }
  let most = values[0];
  workgroupBarrier();
  return most;
}
`;

/** A shader for rows that invocations share, and for rows of their own. */
export interface RowShaders {
  readonly shared: Shader;
  readonly alone: Shader;
}

/** Both variants; `total` and `largest` of a lane's value are the row's. */
export function rowShaders(shader: Shader): RowShaders {
  return {
    shared: { ...shader, wgsl: SHARED + COMMON + shader.wgsl },
    alone: {
      ...shader,
      name: `${shader.name}, a row an invocation`,
      wgsl: ALONE + COMMON + shader.wgsl,
    },
  };
}

/** The variant for the adapter, and its workgroups for so many rows. */
export function rowDispatch(
  { shared, alone }: RowShaders,
  { software }: LoweringContext,
  { rows, width }: { rows: number; width: number },
): Pick<Dispatch, "shader" | "constants" | "grid"> {
  if (software) {
    return {
      shader: alone,
      constants: {},
      grid: flatGrid(Math.ceil(rows / 8)),
    };
  }
  const lanes = width <= 128 ? 32 : width <= 512 ? 64 : 256;
  return { shader: shared, constants: { LANES: lanes }, grid: flatGrid(rows) };
}
