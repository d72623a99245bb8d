/**
 * The gradients of attention within windows; probabilities are made again.
 *
 *     p = exp(scale·q·kᵀ + bias + mask - lse),  ds = p·(do·(v - o)ᵀ)
 *     dq = scale·ds·k,  dk = scale·dsᵀ·q,  dv = pᵀ·do,  dtable = Σ ds
 *
 * Shapes as in window_attention.ts. Dispatches: dq, a workgroup of 64 for BLOCK
 * queries of a head of a window, which first makes ds in workgroup memory; dk
 * and dv, the same with BLOCK keys (KEYS); and if the table trains, ds of every
 * pair summed over chunks of windows into scratch (chunks, H, w², w²), an
 * invocation a pair, and from it the table's rows, an invocation a number.
 * Accumulates in f32.
 *
 * @module
 */
import type { KernelCall, Place } from "../engine.ts";
import {
  type Dispatch,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";
import { splitRows } from "./sum_partials.ts";
import { BIAS, windowSizes } from "./window_attention.ts";

const PAIR = /* wgsl */ `
override TOKENS: u32;
override VECTORS: u32;
override SCALE: f32;

@group(0) @binding(0) var<storage, read_write> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> qkv: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;

// p and ds of a query and a key.
fn pair_of(window: u32, head: u32, query: u32, key: u32) -> vec2f {
  let token = window * TOKENS + query;
  let q = (token * 3u * HEADS + head) * VECTORS;
  let k = ((window * TOKENS + key) * 3u * HEADS + HEADS + head) * VECTORS;
  let v = k + HEADS * VECTORS;
  let out = (token * HEADS + head) * VECTORS;
  var score = 0.0;
  var slope = 0.0;
  for (var i = 0u; i < VECTORS; i++) {
    score += dot(qkv[q + i], qkv[k + i]);
    slope += dot(dout[out + i], qkv[v + i] - o[out + i]);
  }
  let center = lse[(window * HEADS + head) * TOKENS + query];
  let p = exp(score * SCALE + bias(window, head, query, key) - center);
  return vec2f(p, p * slope);
}
`;

const ROWS = /* wgsl */ `
override WINDOWS: u32;
override BLOCK: u32;
override BLOCKS: u32;
override PAIRS: u32;
override KEYS: bool;

@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4f>;

// [row][other]: p and ds.
var<workgroup> pairs: array<vec2f, PAIRS>;

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
  for (var index = lane; index < rows * TOKENS; index += 64u) {
    let row = first + index / TOKENS;
    let other = index % TOKENS;
    if (KEYS) { pairs[index] = pair_of(window, head, other, row); }
    else { pairs[index] = pair_of(window, head, row, other); }
  }
  workgroupBarrier();
  let step = HEADS * VECTORS;
  for (var index = lane; index < rows * VECTORS; index += 64u) {
    let row = index / VECTORS;
    let column = head * VECTORS + index % VECTORS;
    var a = vec4f(0.0);
    var b = vec4f(0.0);
    for (var other = 0u; other < TOKENS; other++) {
      let pair = pairs[row * TOKENS + other];
      let token = window * TOKENS + other;
      let source = token * 3u * step + column;
      if (KEYS) {
        a = fma(vec4f(pair.y), qkv[source], a);
        b = fma(vec4f(pair.x), dout[token * step + column], b);
      } else {
        a = fma(vec4f(pair.y), qkv[source + step], a);
      }
    }
    let to = (window * TOKENS + first + row) * 3u * step + column;
    if (KEYS) {
      dqkv[to + step] = a * SCALE;
      dqkv[to + 2u * step] = b;
    } else {
      dqkv[to] = a * SCALE;
    }
  }
}
`;

const SUMS = /* wgsl */ `
override WINDOWS: u32;
override CHUNK: u32;
override COUNT: u32;

@group(0) @binding(5) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  if (index >= COUNT) { return; }
  let key = index % TOKENS;
  let query = index / TOKENS % TOKENS;
  let head = index / (TOKENS * TOKENS) % HEADS;
  let first = index / (TOKENS * TOKENS * HEADS) * CHUNK;
  var sum = 0.0;
  for (var i = first; i < min(first + CHUNK, WINDOWS); i++) {
    sum += pair_of(i, head, query, key).y;
  }
  partial[index] = sum;
}
`;

const TABLE = /* wgsl */ `
override WINDOW: u32;
override HEADS: u32;
override CHUNKS: u32;

@group(0) @binding(0) var<storage, read_write> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> dtable: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  let side = 2u * WINDOW - 1u;
  if (index >= side * side * HEADS) { return; }
  let head = index % HEADS;
  let down = index / HEADS / side;
  let right = index / HEADS % side;
  let tokens = WINDOW * WINDOW;
  var sum = 0.0;
  for (var chunk = 0u; chunk < CHUNKS; chunk++) {
    let at = (chunk * HEADS + head) * tokens * tokens;
    var part = 0.0;
    for (var query = 0u; query < tokens; query++) {
      // Below zero these wrap around and are beyond the window, too.
      let ki = query / WINDOW + WINDOW - 1u - down;
      let kj = query % WINDOW + WINDOW - 1u - right;
      if (ki < WINDOW && kj < WINDOW) {
        part += partial[at + query * tokens + ki * WINDOW + kj];
      }
    }
    sum += part;
  }
  dtable[index] = sum;
}
`;

const operands = ["dout", "qkv", "table", "o", "lse"];

const rowsShader: Shader = {
  name: "window_attention_gradient",
  wgsl: BIAS + PAIR + ROWS,
  entry: "main",
  bindings: [...operands, "dqkv"],
};

const sumsShader: Shader = {
  name: "window_attention_gradient_sums",
  wgsl: BIAS + PAIR + SUMS,
  entry: "main",
  bindings: [...operands, "partial"],
};

const tableShader: Shader = {
  name: "window_attention_gradient_table",
  wgsl: TABLE,
  entry: "main",
  bindings: ["partial", "dtable"],
};

function inputsOf(call: KernelCall): Place[] {
  return operands.map((_, index) => required(call, "inputs", index));
}

/** dq, and dk with dv. */
function lowerRows(call: KernelCall, dqkv: Place): Dispatch[] {
  const sizes = windowSizes(call, 2);
  const { windows, heads, tokens, block, blocks } = sizes;
  return [0, 1].map((keys) => ({
    shader: rowsShader,
    places: [...inputsOf(call), dqkv],
    constants: {
      ...sizes.constants,
      WINDOWS: windows,
      BLOCK: block,
      BLOCKS: blocks,
      PAIRS: block * tokens,
      KEYS: keys,
    },
    grid: flatGrid(windows * heads * blocks),
  }));
}

/** dtable, by way of the sums in `partial`. */
function lowerTable(
  call: KernelCall,
  dtable: Place,
  scratch: (shape: readonly number[]) => Place,
): Dispatch[] {
  const { windows, heads, tokens, constants } = windowSizes(call, 2);
  const { size: chunk, chunks } = splitRows(windows);
  const partial = scratch([chunks, heads, tokens, tokens]);
  const count = chunks * heads * tokens * tokens;
  const rows = (2 * constants.WINDOW - 1) ** 2;
  return [{
    shader: sumsShader,
    places: [...inputsOf(call), partial],
    constants: { ...constants, WINDOWS: windows, CHUNK: chunk, COUNT: count },
    grid: flatGrid(Math.ceil(count / 64)),
  }, {
    shader: tableShader,
    places: [partial, dtable],
    constants: { WINDOW: constants.WINDOW, HEADS: heads, CHUNKS: chunks },
    grid: flatGrid(Math.ceil(rows * heads / 64)),
  }];
}

/** The gradients of attention within windows. */
export const windowAttentionGradient: Kernel = {
  name: "window_attention_gradient",
  half: { inputs: [0, 1, 2, 3], outputs: [0] },
  shaders: [rowsShader, sumsShader, tableShader],
  lower(call, context) {
    const [dqkv, dtable] = call.outputs;
    return [
      ...(dqkv ? lowerRows(call, dqkv) : []),
      ...(dtable ? lowerTable(call, dtable, context.scratch) : []),
    ];
  },
};
