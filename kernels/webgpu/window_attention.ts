/**
 * Attention within windows, with a bias by relative position.
 *
 *     o = softmax(scale·q·kᵀ + bias + mask)·v,  scale = (d/H)^-1/2
 *
 * The bias of (query, key) is the table's row (Δi + w - 1)·(2w - 1) + Δj + w - 1
 * with Δ = query - key; the mask is -100 where the shift joined opposite sides
 * of the image: in the last windows of a row or column, between tokens before
 * and after w - shift.
 *
 * Shapes: qkv (n, w², 3·H·c), table ((2w-1)², H), o (n, w², H·c), lse
 * (n, H, w²) for n windows in all; c is a multiple of four. Bindings: qkv,
 * table, o, lse. Dispatch: a workgroup of 64 has BLOCK queries of a head of a
 * window: it makes their scores in workgroup memory, then normalises a row an
 * invocation, then makes the vectors of o. Accumulates in f32. Source: Liu et
 * al., Swin Transformer, arXiv 2103.14030.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import {
  attribute,
  flag,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";

/**
 * WGSL of the bias and mask of a query and a key; the module declares `table`.
 */
export const BIAS: string = /* wgsl */ `
override SIDE: u32;
override WINDOW: u32;
override SHIFT: u32;
override HEADS: u32;

fn bias(window: u32, head: u32, query: u32, key: u32) -> f32 {
  let qi = query / WINDOW;
  let qj = query % WINDOW;
  let ki = key / WINDOW;
  let kj = key % WINDOW;
  let distance =
    (qi + WINDOW - 1u - ki) * (2u * WINDOW - 1u) + qj + WINDOW - 1u - kj;
  let value = table[distance * HEADS + head];
  if (SHIFT == 0u) { return value; }
  let kept = WINDOW - SHIFT;
  let rows = window / SIDE % SIDE == SIDE - 1u && (qi < kept) != (ki < kept);
  let columns = window % SIDE == SIDE - 1u && (qj < kept) != (kj < kept);
  return select(value, value - 100.0, rows || columns);
}
`;

const WGSL = /* wgsl */ `
override WINDOWS: u32;
override TOKENS: u32;
override VECTORS: u32;
override SCALE: f32;
override BLOCK: u32;
override BLOCKS: u32;
override SCORES: u32;
override HAS_LSE: bool;

@group(0) @binding(0) var<storage, read_write> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> table: array<f32>;
@group(0) @binding(2) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;

var<workgroup> scores: array<f32, SCORES>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = group.y * groups.x + group.x;
  let first = unit % BLOCKS * BLOCK;
  let head = unit / BLOCKS % HEADS;
  let window = unit / (BLOCKS * HEADS);
  let there = window < WINDOWS;
  let rows = select(0u, min(BLOCK, TOKENS - first), there);
  let stride = 3u * HEADS * VECTORS;
  let base = window * TOKENS * stride + head * VECTORS;
  for (var pair = lane; pair < rows * TOKENS; pair += 64u) {
    let query = first + pair / TOKENS;
    let key = pair % TOKENS;
    let q = base + query * stride;
    let k = base + key * stride + HEADS * VECTORS;
    var sum = 0.0;
    for (var i = 0u; i < VECTORS; i++) { sum += dot(qkv[q + i], qkv[k + i]); }
    scores[pair] = sum * SCALE + bias(window, head, query, key);
  }
  workgroupBarrier();
  for (var row = lane; row < rows; row += 64u) {
    let at = row * TOKENS;
    var top = scores[at];
    for (var key = 1u; key < TOKENS; key++) { top = max(top, scores[at + key]); }
    var sum = 0.0;
    for (var key = 0u; key < TOKENS; key++) {
      let e = exp(scores[at + key] - top);
      scores[at + key] = e;
      sum += e;
    }
    for (var key = 0u; key < TOKENS; key++) { scores[at + key] /= sum; }
    if (HAS_LSE) {
      lse[(window * HEADS + head) * TOKENS + first + row] = top + log(sum);
    }
  }
  workgroupBarrier();
  for (var index = lane; index < rows * VECTORS; index += 64u) {
    let row = index / VECTORS;
    let column = index % VECTORS;
    let v = base + 2u * HEADS * VECTORS + column;
    var sum = vec4f(0.0);
    for (var key = 0u; key < TOKENS; key++) {
      sum = fma(vec4f(scores[row * TOKENS + key]), qkv[v + key * stride], sum);
    }
    let token = window * TOKENS + first + row;
    o[(token * HEADS + head) * VECTORS + column] = sum;
  }
}
`;

const shader: Shader = {
  name: "window_attention",
  wgsl: BIAS + WGSL,
  entry: "main",
  bindings: ["qkv", "table", "o", "lse"],
};

/** Floats of workgroup memory, of which every adapter has 4,096. */
const SHARED_FLOATS = 3840;

/** What the kernels of attention within windows are specialised on. */
export interface WindowSizes {
  /** Windows of all images, and tokens of a window. */
  readonly windows: number;
  readonly tokens: number;
  readonly heads: number;
  /** Vectors of four that hold a head of a token. */
  readonly vectors: number;
  /** Rows of a workgroup, of which each has `perToken` floats a token. */
  readonly block: number;
  readonly blocks: number;
  /** Overrides that all the shaders have. */
  readonly constants: Readonly<Record<string, number>>;
}

/** Reads the sizes from a call. */
export function windowSizes(call: KernelCall, perToken: number): WindowSizes {
  const window = attribute(call, "window");
  const side = Math.ceil(attribute(call, "size") / window);
  const heads = attribute(call, "heads");
  const vectors = attribute(call, "width") / heads / 4;
  const windows = attribute(call, "batch") * side * side;
  const tokens = window * window;
  const fitting = Math.floor(SHARED_FLOATS / (perToken * tokens));
  if (fitting < 1) {
    throw new RangeError(
      `Cannot lower ${call.kernel}: got windows of ${window} by ${window}, ` +
        `wanted at most ${SHARED_FLOATS / perToken} tokens`,
    );
  }
  const block = Math.min(tokens, fitting, 32);
  const blocks = Math.ceil(tokens / block);
  return {
    windows,
    tokens,
    heads,
    vectors,
    block,
    blocks,
    constants: {
      SIDE: side,
      WINDOW: window,
      TOKENS: tokens,
      SHIFT: attribute(call, "shift"),
      HEADS: heads,
      VECTORS: vectors,
      SCALE: 1 / Math.sqrt(4 * vectors),
    },
  };
}

/** Attention within windows. */
export const windowAttention: Kernel = {
  name: "window_attention",
  half: { inputs: [0, 1], outputs: [0] },
  shaders: [shader],
  lower(call) {
    const sizes = windowSizes(call, 1);
    const { windows, heads, block, blocks, tokens } = sizes;
    const lse = call.outputs[1];
    return [{
      shader,
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        required(call, "outputs", 0),
        lse,
      ],
      constants: {
        ...sizes.constants,
        WINDOWS: windows,
        BLOCK: block,
        BLOCKS: blocks,
        SCORES: block * tokens,
        HAS_LSE: flag(lse),
      },
      grid: flatGrid(windows * heads * blocks),
    }];
  },
};
