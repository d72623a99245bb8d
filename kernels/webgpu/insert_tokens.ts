/**
 * y = concat(x[:, :start], prompts, x[:, start + skip:]) along the tokens, and
 * the gradient towards x, which cuts the prompts out and has zeros where x gave
 * way.
 *
 * Shapes: x (B, T, d), prompts (sets, count, d) with sets 1 or B, y
 * (B, T - skip + count, d). Bindings: x, prompts, y. Dispatch: 256 Numbers of
 * the result a workgroup.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import { outputCount } from "./elementwise.ts";
import {
  attribute,
  type Dispatch,
  flatGrid,
  type Kernel,
  required,
} from "./kernel.ts";
import { forRows, numberShaders } from "./numbers.ts";

const WGSL = /* wgsl */ `
override SIZE: u32;
override TOKENS: u32;
override TOTAL: u32;
override WIDTH: u32;
override START: u32;
override PROMPTS: u32;
override SKIP: u32;
override SHARED: bool;
override CUT: bool;

@group(0) @binding(0) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> prompts: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> y: array<Numbers>;

fn inserted(i: u32) -> Numbers {
  let column = i % WIDTH;
  let token = (i / WIDTH) % TOTAL;
  let image = i / (WIDTH * TOTAL);
  if (token >= START && token < START + PROMPTS) {
    let first = select(image * PROMPTS, 0u, SHARED);
    return prompts[(first + token - START) * WIDTH + column];
  }
  var kept = token;
  if (token >= START) { kept = token + SKIP - PROMPTS; }
  return x[(image * TOKENS + kept) * WIDTH + column];
}

fn cut(i: u32) -> Numbers {
  let column = i % WIDTH;
  let token = (i / WIDTH) % TOKENS;
  let image = i / (WIDTH * TOKENS);
  if (token >= START && token < START + SKIP) { return Numbers(); }
  var kept = token;
  if (token >= START) { kept = token + PROMPTS - SKIP; }
  return x[(image * TOTAL + kept) * WIDTH + column];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * 256u + lane;
  for (var step = 0u; step < 4u; step++) {
    let i = first + 64u * step;
    if (i >= SIZE) { return; }
    if (CUT) { y[i] = cut(i); }
    else { y[i] = inserted(i); }
  }
}
`;

const shaders = numberShaders({
  name: "insert_tokens",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "prompts", "y"],
});

function lower(call: KernelCall, cut: number): Dispatch[] {
  const d = attribute(call, "width");
  const { shader, width } = forRows(shaders, d);
  const size = outputCount(call) / d * width;
  const [tokens, count, skip] = ["tokens", "count", "skip"]
    .map((name) => attribute(call, name));
  return [{
    shader,
    places: [
      required(call, "inputs", 0),
      cut ? undefined : required(call, "inputs", 1),
      required(call, "outputs", 0),
    ],
    constants: {
      SIZE: size,
      TOKENS: tokens,
      TOTAL: tokens - skip + count,
      WIDTH: width,
      START: attribute(call, "start"),
      PROMPTS: count,
      SKIP: skip,
      SHARED: Number(attribute(call, "sets") === 1),
      CUT: cut,
    },
    grid: flatGrid(Math.ceil(size / 256)),
  }];
}

/** Tokens put among others. */
export const insertTokens: Kernel = {
  name: "insert_tokens",
  half: { inputs: [0, 1], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower: (call) => lower(call, 0),
};

/** The gradient towards the others. */
export const cutTokens: Kernel = {
  name: "cut_tokens",
  half: { inputs: [0], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower: (call) => lower(call, 1),
};
