/**
 * Softmax cross-entropy with label smoothing, and its gradient.
 *
 *     loss = mean over rows with label ≥ 0 of -Σ_c q_c·log p_c
 *     q = (1 - s)·onehot(label) + s/C,  p = softmax(logits)
 *     dlogits = (p - q)·dloss/rows,  0 for the other rows
 *
 * Shapes: logits, dlogits (B, C), labels i32 (B), loss, correct, dloss (1).
 * Forward: one workgroup of LANES a row writes the row's loss, whether its
 * first maximum is the label, and whether it counts; one workgroup of 64 sums
 * these. Gradient: one workgroup a row, which counts the rows itself.
 *
 * @module
 */
import {
  attribute,
  type Dispatch,
  flag,
  flatGrid,
  type Kernel,
  required,
  rowLanes,
  type Shader,
} from "./kernel.ts";

const REDUCE = /* wgsl */ `
override LANES: u32;
override ROWS: u32;
override CLASSES: u32;
override SMOOTHING: f32;

var<workgroup> values: array<f32, LANES>;

fn total(value: f32, lane: u32) -> f32 {
  values[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half >>= 1u) {
    if (lane < half) { values[lane] += values[lane + half]; }
    workgroupBarrier();
  }
  let sum = values[0];
  workgroupBarrier();
  return sum;
}

fn largest(value: f32, lane: u32) -> f32 {
  values[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half >>= 1u) {
    if (lane < half) {
      values[lane] = max(values[lane], values[lane + half]);
    }
    workgroupBarrier();
  }
  let most = values[0];
  workgroupBarrier();
  return most;
}
`;

const ROW_LOSS = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> row_loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> row_correct: array<f32>;
@group(0) @binding(4) var<storage, read_write> row_counts: array<f32>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= ROWS) { return; }
  let first = row * CLASSES;
  var most = logits[first];
  for (var c = lane; c < CLASSES; c += LANES) {
    most = max(most, logits[first + c]);
  }
  let highest = largest(most, lane);
  let label = labels[row];
  let target_class = u32(max(label, 0));
  var exps = 0.0;
  var below = 0.0;
  var winner = CLASSES;
  for (var c = lane; c < CLASSES; c += LANES) {
    let shifted = logits[first + c] - highest;
    exps += exp(shifted);
    var q = SMOOTHING / f32(CLASSES);
    if (c == target_class) { q += 1.0 - SMOOTHING; }
    below = fma(q, shifted, below);
    if (shifted == 0.0) { winner = min(winner, c); }
  }
  let log_sum = log(total(exps, lane));
  let loss = log_sum - total(below, lane);
  let first_winner = u32(-largest(-f32(winner), lane));
  if (lane == 0u) {
    let counts = label >= 0;
    row_loss[row] = select(0.0, loss, counts);
    let correct = counts && first_winner == target_class;
    row_correct[row] = select(0.0, 1.0, correct);
    row_counts[row] = select(0.0, 1.0, counts);
  }
}
`;

const MEAN = /* wgsl */ `
override HAS_CORRECT: bool;

@group(0) @binding(0) var<storage, read_write> row_loss: array<f32>;
@group(0) @binding(1) var<storage, read_write> row_correct: array<f32>;
@group(0) @binding(2) var<storage, read_write> row_counts: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> correct: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sums = vec3f(0.0);
  for (var row = lane; row < ROWS; row += LANES) {
    sums += vec3f(row_loss[row], row_correct[row], row_counts[row]);
  }
  let loss_sum = total(sums.x, lane);
  let correct_sum = total(sums.y, lane);
  let rows = total(sums.z, lane);
  if (lane == 0u) {
    loss[0] = loss_sum / max(rows, 1.0);
    if (HAS_CORRECT) { correct[0] = correct_sum; }
  }
}
`;

const GRADIENT = /* wgsl */ `
override HAS_DLOSS: bool;

@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> dloss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= ROWS) { return; }
  var counted = 0.0;
  for (var i = lane; i < ROWS; i += LANES) {
    if (labels[i] >= 0) { counted += 1.0; }
  }
  let rows = total(counted, lane);
  let first = row * CLASSES;
  var most = logits[first];
  for (var c = lane; c < CLASSES; c += LANES) {
    most = max(most, logits[first + c]);
  }
  let highest = largest(most, lane);
  var exps = 0.0;
  for (var c = lane; c < CLASSES; c += LANES) {
    exps += exp(logits[first + c] - highest);
  }
  let sum = total(exps, lane);
  let label = labels[row];
  var factor = 0.0;
  if (label >= 0) { factor = 1.0 / rows; }
  if (HAS_DLOSS) { factor *= dloss[0]; }
  for (var c = lane; c < CLASSES; c += LANES) {
    var q = SMOOTHING / f32(CLASSES);
    if (i32(c) == label) { q += 1.0 - SMOOTHING; }
    var v = 0.0;
    if (label >= 0) { v = (exp(logits[first + c] - highest) / sum - q) * factor; }
    dlogits[first + c] = v;
  }
}
`;

const rowLoss: Shader = {
  name: "cross_entropy",
  wgsl: REDUCE + ROW_LOSS,
  entry: "main",
  bindings: ["logits", "labels", "row_loss", "row_correct", "row_counts"],
};

const mean: Shader = {
  name: "cross_entropy_mean",
  wgsl: REDUCE + MEAN,
  entry: "main",
  bindings: ["row_loss", "row_correct", "row_counts", "loss", "correct"],
};

const gradient: Shader = {
  name: "cross_entropy_gradient",
  wgsl: REDUCE + GRADIENT,
  entry: "main",
  bindings: ["logits", "labels", "dloss", "dlogits"],
};

/** The loss, and how many rows are right. */
export const crossEntropy: Kernel = {
  name: "cross_entropy",
  shaders: [rowLoss, mean],
  lower(call, context) {
    const rows = attribute(call, "batch");
    const classes = attribute(call, "classes");
    const partial = [0, 1, 2].map(() => context.scratch([rows]));
    const correct = call.outputs[1];
    const constants: Dispatch["constants"] = {
      LANES: rowLanes(context, classes),
      ROWS: rows,
      CLASSES: classes,
      SMOOTHING: attribute(call, "smoothing"),
    };
    const summing: Dispatch["constants"] = {
      LANES: 64,
      ROWS: rows,
      HAS_CORRECT: flag(correct),
    };
    return [{
      shader: rowLoss,
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        ...partial,
      ],
      constants,
      grid: flatGrid(rows),
    }, {
      shader: mean,
      places: [...partial, required(call, "outputs", 0), correct],
      constants: summing,
      grid: [1, 1, 1],
    }];
  },
};

/** The gradient to the logits. */
export const crossEntropyGradient: Kernel = {
  name: "cross_entropy_gradient",
  shaders: [gradient],
  lower(call, context) {
    const rows = attribute(call, "batch");
    const classes = attribute(call, "classes");
    const dloss = call.inputs[2];
    return [{
      shader: gradient,
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        dloss,
        required(call, "outputs", 0),
      ],
      constants: {
        ROWS: rows,
        CLASSES: classes,
        SMOOTHING: attribute(call, "smoothing"),
        LANES: rowLanes(context, classes),
        HAS_DLOSS: flag(dloss),
      },
      grid: flatGrid(rows),
    }];
  },
};
