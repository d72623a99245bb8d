/**
 * What the kernels use of AssemblyScript's built-in names, so that `deno check`
 * and editors understand them. The compiler has its own declarations.
 */

declare type i32 = number;
declare type i64 = number;
declare type f32 = number;
declare type f64 = number;
declare type usize = number;
declare type bool = boolean;
declare interface v128 {
  readonly lanes: "v128";
}

declare const ASC_FEATURE_RELAXED_SIMD: boolean;

declare function load<T extends number>(pointer: usize, offset?: usize): T;
declare function store<T extends number>(
  pointer: usize,
  value: T,
  offset?: usize,
): void;
declare function min<T extends number>(a: T, b: T): T;
declare function max<T extends number>(a: T, b: T): T;
declare function sqrt<T extends number>(x: T): T;
declare function reinterpret<T extends number>(x: number): T;

declare namespace memory {
  function data<T extends number>(values: T[]): usize;
}

declare namespace v128 {
  function load(pointer: usize, offset?: usize): v128;
  function load32_splat(pointer: usize, offset?: usize): v128;
  function load32_zero(pointer: usize, offset?: usize): v128;
  function store(pointer: usize, value: v128, offset?: usize): void;
  function and(a: v128, b: v128): v128;
  function andnot(a: v128, b: v128): v128;
  function xor(a: v128, b: v128): v128;
  function bitselect(a: v128, b: v128, mask: v128): v128;
  function shuffle<T extends number>(
    a: v128,
    b: v128,
    ...lanes: number[]
  ): v128;
}

declare namespace f32x4 {
  function splat(x: f32): v128;
  function extract_lane(x: v128, lane: number): f32;
  function replace_lane(x: v128, lane: number, value: f32): v128;
  function add(a: v128, b: v128): v128;
  function sub(a: v128, b: v128): v128;
  function mul(a: v128, b: v128): v128;
  function div(a: v128, b: v128): v128;
  function max(a: v128, b: v128): v128;
  function pmin(a: v128, b: v128): v128;
  function pmax(a: v128, b: v128): v128;
  function sqrt(x: v128): v128;
  function lt(a: v128, b: v128): v128;
  function gt(a: v128, b: v128): v128;
  function ge(a: v128, b: v128): v128;
  function relaxed_madd(a: v128, b: v128, c: v128): v128;
  function convert_i32x4_s(x: v128): v128;
}

declare function i32x4(a: i32, b: i32, c: i32, d: i32): v128;
declare namespace i32x4 {
  function splat(x: i32): v128;
  function replace_lane(x: v128, lane: number, value: i32): v128;
  function add(a: v128, b: v128): v128;
  function mul(a: v128, b: v128): v128;
  function shl(x: v128, bits: i32): v128;
  function shr_u(x: v128, bits: i32): v128;
  function lt_s(a: v128, b: v128): v128;
}

declare namespace f64x2 {
  function splat(x: f64): v128;
  function extract_lane(x: v128, lane: number): f64;
  function add(a: v128, b: v128): v128;
  function mul(a: v128, b: v128): v128;
  function promote_low_f32x4(x: v128): v128;
}

declare namespace atomic {
  function load<T extends number>(pointer: usize, offset?: usize): T;
  function store<T extends number>(
    pointer: usize,
    value: T,
    offset?: usize,
  ): void;
  function add<T extends number>(
    pointer: usize,
    value: T,
    offset?: usize,
  ): T;
  function wait<T extends number>(
    pointer: usize,
    value: T,
    timeout: number,
  ): i32;
  function notify(pointer: usize, count: i32): i32;
}
