/**
 * What attention by products does with the scores of some heads in between.
 *
 *     p = softmax(s),  lse = log Σ exp(s)
 *     p = exp(s - lse),  ds = p·(dp - δ)·scale
 *
 * Shapes: s, dp (heads of images, T, T), both axes padded to whole vectors: p
 * gets zeros past the end of a row, and in the gradient p and ds also past the
 * last row. Results take the places of what they are made of. lse, δ (B, H, T).
 * Bindings: s, lse, size; s, dp, lse, δ, size. Dispatch: 64 rows, and 64 vectors,
 * a workgroup.
 *
 * @module
 */
import type { Place } from "../engine.ts";
import { type Dispatch, flatGrid, type Shader } from "./kernel.ts";
import { floatBits, type HeadPlaces } from "./matmul_common.ts";

const SIZE = /* wgsl */ `
// Rows of scores in all and vectors in each; heads are those at hand.
struct Size {
  rows: u32, tokens: u32, vectors: u32, heads: u32,
  // Where the statistics of the first head begin, and from there to the next
  // image's and the next head's.
  first: u32, image: u32, head: u32,
  scale: f32, has_lse: u32,
}

fn token_of(row: u32) -> u32 { return row % (size.vectors * 4u); }

fn statistic_of(row: u32) -> u32 {
  let item = row / (size.vectors * 4u);
  return size.first + item / size.heads * size.image +
    item % size.heads * size.head + min(token_of(row), size.tokens - 1u);
}

fn inside_of(vector: u32) -> vec4<bool> {
  return vec4u(vector * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(size.tokens);
}
`;

const PROBABILITIES = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> lse: array<f32>;
@group(0) @binding(2) var<uniform> size: Size;

const LOWEST = -3.0e38;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= size.rows || token_of(row) >= size.tokens) { return; }
  let at = row * size.vectors;
  var most = vec4f(LOWEST);
  var sums = vec4f(0.0);
  for (var i = 0u; i < size.vectors; i++) {
    let s = select(vec4f(LOWEST), scores[at + i], inside_of(i));
    let highest = max(most, s);
    sums = sums * exp(most - highest) + exp(s - highest);
    most = highest;
  }
  let highest = max(max(most.x, most.y), max(most.z, most.w));
  let sum = dot(sums, exp(most - highest));
  let value = highest + log(sum);
  if (size.has_lse != 0u) { lse[statistic_of(row)] = value; }
  let share = 1.0 / sum;
  for (var i = 0u; i < size.vectors; i++) {
    let p = exp(scores[at + i] - highest) * share;
    scores[at + i] = select(vec4f(0.0), p, inside_of(i));
  }
}
`;

const SLOPES = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> slopes: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;
@group(0) @binding(4) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let row = i / size.vectors;
  if (row >= size.rows) { return; }
  let at = statistic_of(row);
  let inside =
    inside_of(i % size.vectors) & vec4<bool>(token_of(row) < size.tokens);
  let p = select(vec4f(0.0), exp(scores[i] - lse[at]), inside);
  let ds = p * (slopes[i] - delta[at]) * size.scale;
  scores[i] = p;
  slopes[i] = select(vec4f(0.0), ds, inside);
}
`;

/** Scores to probabilities, and their statistics. */
export const probabilitiesShader: Shader = {
  name: "attention_probabilities",
  wgsl: SIZE + PROBABILITIES,
  entry: "main",
  bindings: ["scores", "lse"],
  uniform: true,
};

/** Scores to probabilities, and the gradient of these to that of scores. */
export const slopesShader: Shader = {
  name: "attention_slopes",
  wgsl: SIZE + SLOPES,
  entry: "main",
  bindings: ["scores", "slopes", "lse", "delta"],
  uniform: true,
};

/** Scores at hand, and where their statistics are. */
export interface ScoreSizes {
  readonly images: number;
  readonly heads: number;
  readonly tokens: number;
  readonly vectors: number;
  readonly scale: number;
  readonly statistics: HeadPlaces;
}

function uniformOf(sizes: ScoreSizes, hasLse: number): number[] {
  const { images, heads, tokens, vectors, scale, statistics } = sizes;
  const { first, image, head } = statistics;
  const rows = images * heads * 4 * vectors;
  const words = [rows, tokens, vectors, heads, first, image, head];
  return [...words, floatBits(scale), hasLse];
}

/** Turns scores into probabilities. */
export function probabilities(
  scores: Place,
  lse: Place | undefined,
  sizes: ScoreSizes,
): Dispatch {
  const uniform = uniformOf(sizes, lse ? 1 : 0);
  return {
    shader: probabilitiesShader,
    places: [scores, lse],
    constants: {},
    uniform,
    grid: flatGrid(Math.ceil(uniform[0] / 64)),
  };
}

/** Turns scores into probabilities and `slopes` into the scores' gradient. */
export function scoreSlopes(
  places: readonly [scores: Place, slopes: Place, lse: Place, delta: Place],
  sizes: ScoreSizes,
): Dispatch {
  const uniform = uniformOf(sizes, 1);
  return {
    shader: slopesShader,
    places,
    constants: {},
    uniform,
    grid: flatGrid(Math.ceil(uniform[0] * sizes.vectors / 64)),
  };
}
