/**
 * y = x/(1 - rate) where hash(i / group, key, site) ≥ rate, else 0.
 *
 * Shapes: x, y (count), key i32 (2). The hash mixes the element's index with
 * the key and the site in u32 arithmetic, and its upper 24 bits make a number
 * in [0, 1). Bindings: x, key, y, vec4 with the last one guarded. Dispatch:
 * 256 elements a workgroup, four an invocation.
 *
 * @module
 */
import { elementwise } from "./elementwise.ts";
import { attribute, type Kernel, required, type Shader } from "./kernel.ts";

const WGSL = /* wgsl */ `
override COUNT: u32;
override RATE: f32;
override SITE: u32;
override GROUP: u32;
override FIRST: u32;

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> key: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

fn uniform_number(index: vec4u, key0: u32, key1: u32) -> vec4f {
  var h = index ^ vec4u(key0);
  h *= 0x9E3779B1u;
  h ^= h >> vec4u(15u);
  h += key1;
  h *= 0x85EBCA77u;
  h ^= h >> vec4u(13u);
  h += SITE;
  h *= 0xC2B2AE3Du;
  h ^= h >> vec4u(16u);
  return vec4f(h >> vec4u(8u)) * 5.9604644775390625e-8;
}

fn store(i: u32, v: vec4f) {
  let rest = COUNT - 4u * i;
  if (rest >= 4u) { y[i] = v; return; }
  y[i].x = v.x;
  if (rest > 1u) { y[i].y = v.y; }
  if (rest > 2u) { y[i].z = v.z; }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (4u * i >= COUNT) { return; }
  let index = (vec4u(FIRST + 4u * i) + vec4u(0u, 1u, 2u, 3u)) / vec4u(GROUP);
  let keep = uniform_number(index, key[0], key[1]) >= vec4f(RATE);
  store(i, select(vec4f(0.0), x[i] / (1.0 - RATE), keep));
}
`;

const shader: Shader = {
  name: "dropout",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "key", "y"],
};

/** Dropout with a counter-based generator. */
export const dropout: Kernel = {
  name: "dropout",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader],
  lower: (call) =>
    elementwise(
      shader,
      [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        required(call, "outputs", 0),
      ],
      attribute(call, "count"),
      {
        RATE: attribute(call, "rate"),
        SITE: attribute(call, "site"),
        GROUP: attribute(call, "group"),
        // Of the call that this one is a part of.
        FIRST: call.attributes.first ?? 0,
      },
    ),
};
