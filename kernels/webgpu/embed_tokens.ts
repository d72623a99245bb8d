/**
 * y = concat(cls, x) + pos along the tokens.
 *
 * Shapes: x (B, N, d), cls (1, 1, d), pos (1, T, d), y (B, T, d), T = N + 1.
 * Bindings: x, cls, pos, y. Dispatch: 256 Numbers of y a workgroup.
 *
 * @module
 */
import { attribute, flatGrid, type Kernel, required } from "./kernel.ts";
import { outputCount } from "./elementwise.ts";
import { forRows, numberShaders } from "./numbers.ts";

const WGSL = /* wgsl */ `
override TOKENS: u32;
override WIDTH: u32;

struct Size { count: u32 }

@group(0) @binding(0) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> cls: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> pos: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(4) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * 256u;
  let end = min(first + 256u, size.count);
  for (var i = first + lane; i < end; i += 64u) {
    let column = i % WIDTH;
    let token = (i / WIDTH) % TOKENS;
    let b = i / (WIDTH * TOKENS);
    var v = pos[token * WIDTH + column];
    if (token == 0u) { v += cls[column]; }
    else { v += x[(b * (TOKENS - 1u) + token - 1u) * WIDTH + column]; }
    y[i] = v;
  }
}
`;

const shaders = numberShaders({
  name: "embed_tokens",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "cls", "pos", "y"],
  uniform: true,
});

/** Class token and position embedding. */
export const embedTokens: Kernel = {
  name: "embed_tokens",
  half: { inputs: [0, 1, 2], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower(call) {
    const d = attribute(call, "width");
    const { shader, width } = forRows(shaders, d);
    const count = outputCount(call) / d * width;
    return [{
      shader,
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        required(call, "inputs", 2),
        required(call, "outputs", 0),
      ],
      constants: {
        TOKENS: attribute(call, "tokens"),
        WIDTH: width,
      },
      uniform: [count],
      grid: flatGrid(Math.ceil(count / 256)),
    }];
  },
};
