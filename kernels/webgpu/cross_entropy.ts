/**
 * Softmax cross-entropy with label smoothing, and its gradient.
 *
 *     loss = mean over rows with label ≥ 0 of -Σ_c q_c·log p_c
 *     q = (1 - s)·onehot(label) + s/C,  p = softmax(logits)
 *     dlogits = (p - q)·dloss/rows,  0 for the other rows
 *
 * Shapes: logits, dlogits (B, C), labels i32 (B), loss, correct, dloss (1).
 * Forward: for each row its loss, whether its first maximum is the label, and
 * whether it counts; then a workgroup sums these. Gradient: every row counts
 * the rows itself. Dispatch: rows as in row_lanes.ts.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import { attribute, flag, type Kernel, required } from "./kernel.ts";
import { floatBits } from "./matmul_common.ts";
import { rowDispatch, rowShaders } from "./row_lanes.ts";

const SIZE = /* wgsl */ `
struct Size {
  rows: u32, classes: u32,
  smoothing: f32,
  // Bits: 1 correct, 2 dloss.
  parts: u32,
}
`;

const ROW_LOSS = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> found: array<vec4f>;
@group(0) @binding(3) var<uniform> size: Size;

@compute @workgroup_size(LANES * GROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let lane = index % LANES;
  let row = first_row(group, groups) + index / LANES;
  // Rows past the end are empty.
  let classes = select(0u, size.classes, row < size.rows);
  let first = row * size.classes;
  var most = logits[first];
  for (var c = lane; c < classes; c += LANES) {
    most = max(most, logits[first + c]);
  }
  let highest = largest(most, lane);
  let label = labels[row];
  let target_class = u32(max(label, 0));
  var exps = 0.0;
  var below = 0.0;
  var winner = size.classes;
  for (var c = lane; c < classes; c += LANES) {
    let shifted = logits[first + c] - highest;
    exps += exp(shifted);
    var q = size.smoothing / f32(size.classes);
    if (c == target_class) { q += 1.0 - size.smoothing; }
    below = fma(q, shifted, below);
    if (shifted == 0.0) { winner = min(winner, c); }
  }
  let log_sum = log(total(exps, lane));
  let loss = log_sum - total(below, lane);
  let first_winner = u32(-largest(-f32(winner), lane));
  if (lane == 0u && row < size.rows) {
    let correct = select(0.0, 1.0, first_winner == target_class);
    found[row] = select(vec4f(0.0), vec4f(loss, correct, 1.0, 0.0), label >= 0);
  }
}
`;

const MEAN = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> found: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;
@group(0) @binding(2) var<storage, read_write> correct: array<f32>;
@group(0) @binding(3) var<uniform> size: Size;

@compute @workgroup_size(LANES * GROUP_ROWS)
fn main(@builtin(local_invocation_index) index: u32) {
  let lane = index % LANES;
  var sums = vec4f(0.0);
  for (var row = lane; row < size.rows; row += LANES) { sums += found[row]; }
  let loss_sum = total(sums.x, lane);
  let correct_sum = total(sums.y, lane);
  let rows = total(sums.z, lane);
  if (index == 0u) {
    loss[0] = loss_sum / max(rows, 1.0);
    if ((size.parts & 1u) != 0u) { correct[0] = correct_sum; }
  }
}
`;

const GRADIENT = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> dloss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(4) var<uniform> size: Size;

@compute @workgroup_size(LANES * GROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let lane = index % LANES;
  let row = first_row(group, groups) + index / LANES;
  // Rows past the end are empty, and count none: a loop of the same length for
  // all lanes would take 50 ms on Mesa 22.3.
  let classes = select(0u, size.classes, row < size.rows);
  let others = select(0u, size.rows, row < size.rows);
  var counted = 0.0;
  for (var i = lane; i < others; i += LANES) {
    if (labels[i] >= 0) { counted += 1.0; }
  }
  let rows = total(counted, lane);
  let first = row * size.classes;
  var most = logits[first];
  for (var c = lane; c < classes; c += LANES) {
    most = max(most, logits[first + c]);
  }
  let highest = largest(most, lane);
  var exps = 0.0;
  for (var c = lane; c < classes; c += LANES) {
    exps += exp(logits[first + c] - highest);
  }
  let sum = total(exps, lane);
  let label = labels[row];
  var factor = 0.0;
  if (label >= 0) { factor = 1.0 / rows; }
  if ((size.parts & 2u) != 0u) { factor *= dloss[0]; }
  for (var c = lane; c < classes; c += LANES) {
    var q = size.smoothing / f32(size.classes);
    if (i32(c) == label) { q += 1.0 - size.smoothing; }
    var v = 0.0;
    if (label >= 0) { v = (exp(logits[first + c] - highest) / sum - q) * factor; }
    dlogits[first + c] = v;
  }
}
`;

const rowLoss = rowShaders({
  name: "cross_entropy",
  wgsl: SIZE + ROW_LOSS,
  entry: "main",
  bindings: ["logits", "labels", "found"],
  uniform: true,
});

const mean = rowShaders({
  name: "cross_entropy_mean",
  wgsl: SIZE + MEAN,
  entry: "main",
  bindings: ["found", "loss", "correct"],
  uniform: true,
});

const gradient = rowShaders({
  name: "cross_entropy_gradient",
  wgsl: SIZE + GRADIENT,
  entry: "main",
  bindings: ["logits", "labels", "dloss", "dlogits"],
  uniform: true,
});

function uniformOf(call: KernelCall, parts: number): number[] {
  return [
    attribute(call, "batch"),
    attribute(call, "classes"),
    floatBits(attribute(call, "smoothing")),
    parts,
  ];
}

/** The loss, and how many rows are right. */
export const crossEntropy: Kernel = {
  name: "cross_entropy",
  shaders: [rowLoss, mean].flatMap(({ shared, alone }) => [shared, alone]),
  lower(call, context) {
    const rows = attribute(call, "batch");
    const width = attribute(call, "classes");
    const found = context.scratch([rows, 4]);
    const correct = call.outputs[1];
    const uniform = uniformOf(call, flag(correct));
    return [{
      ...rowDispatch(rowLoss, context, { rows, width }),
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        found,
      ],
      uniform,
    }, {
      ...rowDispatch(mean, context, { rows: 1, width: rows }),
      places: [found, required(call, "outputs", 0), correct],
      uniform,
    }];
  },
};

/** The gradient to the logits. */
export const crossEntropyGradient: Kernel = {
  name: "cross_entropy_gradient",
  shaders: [gradient.shared, gradient.alone],
  lower(call, context) {
    const rows = attribute(call, "batch");
    const width = attribute(call, "classes");
    const dloss = call.inputs[2];
    return [{
      ...rowDispatch(gradient, context, { rows, width }),
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        dloss,
        required(call, "outputs", 0),
      ],
      uniform: uniformOf(call, flag(dloss) << 1),
    }];
  },
};
