/**
 * Making, choosing and averaging tokens, in ONNX.
 *
 * @module
 */

import type { Node, Value } from "../graph/graph.ts";
import { type OnnxGraph, type OnnxTensor, operands } from "./onnx_graph.ts";

/** Images cut into squares, `[batch, patches, channels · patch²]`. */
export function patches(graph: OnnxGraph, node: Node): void {
  const { channels, size, patch } = node.attributes;
  const grid = size / patch;
  const cut = graph.as(
    operands(node)[0],
    [1, channels, grid, patch, grid, patch],
  );
  const ordered = graph.node(
    "Transpose",
    [cut.name],
    [1, grid, grid, channels, patch, patch],
    { perm: [0, 2, 4, 1, 3, 5] },
  );
  const shape = [1, grid * grid, channels * patch * patch];
  graph.set(node.outputs[0], graph.reshape(ordered, shape));
}

/** The class token in front, and positions added. */
export function embedTokens(graph: OnnxGraph, node: Node): void {
  const [x, cls, pos] = operands(node);
  const { tokens, width } = node.attributes;
  const entering = graph.as(x, [1, tokens - 1, width]);
  const first = forEveryImage(graph, cls, [1, 1, width], entering);
  const shape = [1, tokens, width];
  const all = graph.node("Concat", [first.name, entering.name], shape, {
    axis: 1,
  });
  const position = graph.weight(pos, shape);
  graph.set(
    node.outputs[0],
    graph.node("Add", [all.name, position.name], shape),
  );
}

/**
 * Stored tokens among, or in the place of, those of every image.
 *
 * @throws {TypeError} If the tokens are computed, one set for each image.
 */
export function insertTokens(graph: OnnxGraph, node: Node): void {
  const [x, prompts] = operands(node);
  const { tokens, width, start, count, skip } = node.attributes;
  if (prompts.root.source.kind !== "stored") {
    throw new TypeError(
      "Cannot export to ONNX: got tokens that are computed to insert, wanted " +
        "stored ones",
    );
  }
  const entering = graph.as(x, [1, tokens, width]);
  const added = forEveryImage(graph, prompts, [1, count, width], entering);
  const before = { start: 0, count: start };
  const after = { start: start + skip, count: tokens - start - skip };
  const [left, right] = [before, after].map((part) =>
    part.count > 0 ? [cut(graph, entering, part).name] : []
  );
  const shape = [1, tokens - skip + count, width];
  const names = [...left, added.name, ...right];
  graph.set(
    node.outputs[0],
    graph.node("Concat", names, shape, { axis: 1 }),
  );
}

/** Some neighbouring tokens. */
export function takeTokens(graph: OnnxGraph, node: Node): void {
  const { tokens, width, start, count } = node.attributes;
  const x = graph.as(operands(node)[0], [1, tokens, width]);
  graph.set(node.outputs[0], cut(graph, x, { start, count }));
}

/** The mean over the tokens of each image. */
export function meanTokens(graph: OnnxGraph, node: Node): void {
  const { tokens, width } = node.attributes;
  const x = graph.as(operands(node)[0], [1, tokens, width]);
  const how = { axes: [1], keepdims: 0 };
  graph.set(
    node.outputs[0],
    graph.node("ReduceMean", [x.name], [1, width], how),
  );
}

/** @param x `[batch, tokens, width]`. */
function cut(
  graph: OnnxGraph,
  x: OnnxTensor,
  { start, count }: { start: number; count: number },
): OnnxTensor {
  const bounds = [[start], [start + count], [1]]
    .map((values) => graph.integers(values));
  const shape = [1, count, x.shape[2]];
  return graph.node("Slice", [x.name, ...bounds], shape);
}

/** A stored value once for each image of a computed one. */
function forEveryImage(
  graph: OnnxGraph,
  value: Value,
  shape: readonly [1, number, number],
  { name }: OnnxTensor,
): OnnxTensor {
  const sizes = graph.node("Shape", [name], [3]);
  const batch = graph.node(
    "Slice",
    [sizes.name, graph.integers([0]), graph.integers([1])],
    [1],
  );
  const wanted = graph.node(
    "Concat",
    [batch.name, graph.integers(shape.slice(1))],
    [3],
    { axis: 0 },
  );
  const stored = graph.weight(value, shape);
  return graph.node("Expand", [stored.name, wanted.name], shape);
}
