/**
 * What the kernels of linear layers by groups share: where a group's inputs
 * stand, and how four neighbours take a number each from a row.
 *
 * σ(p) = (p mod G)·k + ⌊p / G⌋. Its inverse sends channel c to position
 * (c mod k)·G + ⌊c / k⌋.
 *
 * Neighbours of one group read the same number, which is then loaded once:
 * software adapters load every number of every invocation on its own.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import { attribute } from "./kernel.ts";

/** WGSL behind a declaration of `x`, the rows that are taken from. */
export const CHANNELS_WGSL = /* wgsl */ `
override GROUPS: u32;
override K: u32;
override N: u32;
override SHUFFLE: bool;
// Whether four neighbours take numbers as a, a, b, b; and as a, b, a, b.
override PAIRS: bool;
override TURNS: bool;

fn channel(p: u32) -> u32 {
  if (SHUFFLE) { return p % GROUPS * K + p / GROUPS; }
  return p;
}

// The channels that four neighbouring outputs have as input l.
fn inputs(column: u32, l: u32) -> vec4u {
  let p = (vec4u(column) + vec4u(0u, 1u, 2u, 3u)) / N * K + l;
  return vec4u(channel(p.x), channel(p.y), channel(p.z), channel(p.w));
}

// The numbers that four neighbours take of x, whose row begins there.
fn taken(row: u32, at: vec4u) -> Numbers {
  var four = vec4f(x[row + at.x]);
  if (!PAIRS) {
    four.y = x[row + at.y];
    four.w = four.y;
  }
  if (!TURNS) {
    four.z = x[row + at.z];
    four.w = four.z;
    if (!PAIRS) { four.w = x[row + at.w]; }
  }
  return numbers_of(four);
}
`;

/** The overrides of {@linkcode CHANNELS_WGSL} for taking inputs of outputs. */
export function channelConstants(call: KernelCall): Record<string, number> {
  const [groups, k, n, shuffle] = ["groups", "k", "n", "shuffle"]
    .map((name) => attribute(call, name));
  return {
    GROUPS: groups,
    K: k,
    N: n,
    SHUFFLE: shuffle,
    PAIRS: Number(n % 2 === 0),
    TURNS: Number(n % 4 === 0),
  };
}
