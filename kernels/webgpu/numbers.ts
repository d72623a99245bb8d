/**
 * Kernels that read and write rows four numbers at a time where rows consist of
 * whole vectors, and one at a time where they do not.
 *
 * Their WGSL is written once: it has arrays and sums of Numbers, each of NUMBERS
 * of a row's n. `sum_of` makes one number of them, `number_of` takes one, and
 * `numbers_of` makes them of four, of which single numbers are the first.
 *
 * @module
 */
import type { Shader } from "./kernel.ts";

const SCALARS = /* wgsl */ `
alias Numbers = f32;
const NUMBERS = 1u;

fn sum_of(numbers: Numbers) -> f32 { return numbers; }
fn number_of(numbers: Numbers, i: u32) -> f32 { return numbers; }
fn numbers_of(four: vec4f) -> Numbers { return four.x; }
`;

const VECTORS = /* wgsl */ `
alias Numbers = vec4f;
const NUMBERS = 4u;

fn sum_of(numbers: Numbers) -> f32 { return dot(numbers, vec4f(1.0)); }
fn number_of(numbers: Numbers, i: u32) -> f32 { return numbers[i]; }
fn numbers_of(four: vec4f) -> Numbers { return four; }
`;

/** A kernel over rows of single numbers, and over rows of vectors. */
export interface NumberShaders<T = Shader> {
  readonly scalars: T;
  readonly vectors: T;
}

/** Both variants of a kernel whose WGSL is about Numbers. */
export function numberShaders(shader: Shader): NumberShaders {
  return {
    scalars: {
      ...shader,
      name: `${shader.name} of single numbers`,
      wgsl: SCALARS + shader.wgsl,
    },
    vectors: { ...shader, wgsl: VECTORS + shader.wgsl },
  };
}

/** The variant for rows of n numbers, and how many Numbers these are. */
export function forRows<T>(
  { scalars, vectors }: NumberShaders<T>,
  n: number,
): { readonly shader: T; readonly width: number } {
  return n % 4 === 0
    ? { shader: vectors, width: n / 4 }
    : { shader: scalars, width: n };
}
