/**
 * Square channels-last maps, cut, joined and convolved, in ONNX.
 *
 * @module
 */

import type { Attributes, Node } from "../graph/graph.ts";
import { type OnnxGraph, type OnnxTensor, operands } from "./onnx_graph.ts";

/**
 * The first two axes of a weight swapped.
 *
 * @throws {TypeError} If the value is computed, whose images come first.
 */
export function transpose(graph: OnnxGraph, node: Node): void {
  const [x] = operands(node);
  const { a, b, c } = node.attributes;
  if (x.root.source.kind !== "stored") {
    throw new TypeError(
      "Cannot export to ONNX: got the axes of a computed value to swap, " +
        "wanted a weight's",
    );
  }
  const weight = graph.weight(x, [a, b, c]);
  graph.set(
    node.outputs[0],
    graph.node("Transpose", [weight.name], [b, a, c], { perm: [1, 0, 2] }),
  );
}

/**
 * A convolution of each channel by itself, zeros at the border.
 *
 * @throws {TypeError} If it reads its weight backwards, which only gradients do.
 */
export function depthwiseConv(graph: OnnxGraph, node: Node): void {
  const [x, weight, bias, residual] = operands(node);
  const { size, channels, kernel, flip } = node.attributes;
  if (flip) {
    throw new TypeError(
      "Cannot export to ONNX: got a convolution with its weight backwards, " +
        "wanted one of a forward pass",
    );
  }
  const taps = graph.as(weight, [kernel ** 2, channels]);
  const rows = graph.node("Transpose", [taps.name], [channels, kernel ** 2], {
    perm: [1, 0],
  });
  const kernels = graph.reshape(rows, [channels, 1, kernel, kernel]);
  const map = graph.as(x, [1, size, size, channels]);
  const turned = graph.node(
    "Transpose",
    [map.name],
    [1, channels, size, size],
    {
      perm: [0, 3, 1, 2],
    },
  );
  const names = [turned.name, kernels.name];
  if (bias) names.push(graph.weight(bias, [channels]).name);
  const pad = (kernel - 1) / 2;
  const mixed = graph.node("Conv", names, turned.shape, {
    ["kernel_shape"]: [kernel, kernel],
    pads: [pad, pad, pad, pad],
    group: channels,
  });
  const back = graph.node("Transpose", [mixed.name], map.shape, {
    perm: [0, 2, 3, 1],
  });
  const shape = [1, size * size, channels];
  let y = graph.reshape(back, shape);
  if (residual) {
    y = graph.node("Add", [y.name, graph.as(residual, shape).name], shape);
  }
  graph.set(node.outputs[0], y);
}

/** Squares of tokens as one token each. */
export function spaceToDepth(graph: OnnxGraph, node: Node): void {
  const { size, channels, patch, merge } = node.attributes;
  const out = merge ? Math.ceil(size / patch) : Math.floor(size / patch);
  const map = graph.as(operands(node)[0], [1, size, size, channels]);
  const whole = resized(graph, map, out * patch);
  const cut = graph.reshape(whole, [1, out, patch, out, patch, channels]);
  // Inside a token: column, row, channel; or channel, row, column.
  const inside = merge ? [4, 2, 5] : [5, 2, 4];
  const ordered = graph.node(
    "Transpose",
    [cut.name],
    [1, out, out, ...inside.map((axis) => cut.shape[axis])],
    { perm: [0, 1, 3, ...inside] },
  );
  const shape = [1, out * out, patch * patch * channels];
  graph.set(node.outputs[0], graph.reshape(ordered, shape));
}

/** A map shifted, filled up, and cut into windows. */
export function windowPartition(graph: OnnxGraph, node: Node): void {
  const { size, channels, window, shift } = node.attributes;
  const side = sideOf(node.attributes);
  const map = graph.as(operands(node)[0], [1, size, size, channels]);
  const whole = resized(graph, rolled(graph, map, shift), side * window);
  const cut = graph.reshape(whole, [1, side, window, side, window, channels]);
  const ordered = graph.node(
    "Transpose",
    [cut.name],
    [1, side, side, window, window, channels],
    { perm: [0, 1, 3, 2, 4, 5] },
  );
  const shape = [side * side, window * window, channels];
  graph.set(node.outputs[0], graph.reshape(ordered, shape));
}

/** Windows joined, what filled them up dropped, and shifted back. */
export function windowReverse(graph: OnnxGraph, node: Node): void {
  const [y, residual] = operands(node);
  const { size, channels, window, shift } = node.attributes;
  const side = sideOf(node.attributes);
  const cut = graph.as(y, [1, side, side, window, window, channels]);
  const ordered = graph.node(
    "Transpose",
    [cut.name],
    [1, side, window, side, window, channels],
    { perm: [0, 1, 3, 2, 4, 5] },
  );
  const full = side * window;
  const whole = graph.reshape(ordered, [1, full, full, channels]);
  const map = rolled(graph, resized(graph, whole, size), -shift);
  const shape = [1, size * size, channels];
  let x = graph.reshape(map, shape);
  if (residual) {
    x = graph.node("Add", [x.name, graph.as(residual, shape).name], shape);
  }
  graph.set(node.outputs[0], x);
}

function sideOf({ size, window }: Attributes): number {
  return Math.ceil(size / window);
}

/**
 * A map with rows and columns dropped, or zeros added, below and to the right.
 *
 * @param map `[batch, side, side, channels]`.
 */
function resized(
  graph: OnnxGraph,
  map: OnnxTensor,
  side: number,
): OnnxTensor {
  const [batch, before, , channels] = map.shape;
  if (side === before) return map;
  const shape = [batch, side, side, channels];
  if (side < before) {
    const bounds = [[0, 0], [side, side], [1, 2]]
      .map((values) => graph.integers(values));
    return graph.node("Slice", [map.name, ...bounds], shape);
  }
  const more = side - before;
  const pads = graph.integers([0, 0, 0, 0, 0, more, more, 0]);
  return graph.node("Pad", [map.name, pads], shape);
}

/**
 * A map moved up and to the left; what leaves it comes in at the other side.
 *
 * @param map `[batch, side, side, channels]`.
 * @param shift In tokens; below zero, down and to the right.
 */
function rolled(
  graph: OnnxGraph,
  map: OnnxTensor,
  shift: number,
): OnnxTensor {
  const [batch, side, , channels] = map.shape;
  const start = (shift + side) % side;
  if (start === 0) return map;
  return [1, 2].reduce((x, axis) => {
    const slice = (from: number, to: number): string => {
      const shape = [...x.shape];
      shape[axis] = to - from;
      const bounds = [[from], [to], [axis]]
        .map((values) => graph.integers(values));
      return graph.node("Slice", [x.name, ...bounds], shape).name;
    };
    const parts = [slice(start, side), slice(0, start)];
    const shape = [batch, side, side, channels];
    return graph.node("Concat", parts, shape, { axis });
  }, map);
}
