/**
 * Attention over all tokens and within windows, in ONNX.
 *
 * @module
 */

import type { Attributes, Node, Value } from "../graph/graph.ts";
import { type OnnxGraph, type OnnxTensor, operands } from "./onnx_graph.ts";

/** Attention of every token to every token of its image. */
export function attention(graph: OnnxGraph, node: Node): void {
  const { tokens, heads, width } = node.attributes;
  const qkv = graph.as(operands(node)[0], [1, tokens, 3, heads, width / heads]);
  graph.set(node.outputs[0], attend(graph, qkv, (scores) => scores));
}

/** Attention within windows, with a bias by distance and a mask. */
export function windowAttention(graph: OnnxGraph, node: Node): void {
  const [x, table] = operands(node);
  const { heads, width, window, shift } = node.attributes;
  const windows = windowCount(node.attributes);
  const size = width / heads;
  const qkv = graph.as(x, [windows, window ** 2, 3, heads, size]);
  const bias = biasOf(graph, table, node.attributes);
  const mixed = attend(graph, qkv, (scores) => {
    const { shape } = scores;
    const biased = graph.node("Add", [scores.name, bias.name], shape);
    if (shift === 0) return biased;
    // Windows of all images lie in one axis, the mask is that of one image.
    const each = graph.reshape(biased, [1, ...shape]);
    const mask = maskOf(graph, node.attributes);
    const masked = graph.node("Add", [each.name, mask], each.shape);
    return graph.reshape(masked, shape);
  });
  graph.set(node.outputs[0], mixed);
}

/**
 * softmax(q kᵀ / √size) v.
 *
 * @param qkv `[rows, tokens, 3, heads, size]`.
 * @param change What is done to the scores, `[rows, heads, tokens, tokens]`.
 * @returns `[rows, tokens, heads · size]`.
 */
function attend(
  graph: OnnxGraph,
  qkv: OnnxTensor,
  change: (scores: OnnxTensor) => OnnxTensor,
): OnnxTensor {
  const [rows, tokens, , heads, size] = qkv.shape;
  const split = graph.node(
    "Transpose",
    [qkv.name],
    [3, rows, heads, tokens, size],
    { perm: [2, 0, 3, 1, 4] },
  );
  const shape = [rows, heads, tokens, size];
  const [q, k, v] = [0, 1, 2].map((part) =>
    graph.node("Gather", [split.name, graph.integer(part)], shape, { axis: 0 })
  );
  const scale = graph.number(1 / Math.sqrt(size));
  const scaled = graph.node("Mul", [q.name, scale], shape);
  const turned = graph.node(
    "Transpose",
    [k.name],
    [rows, heads, size, tokens],
    { perm: [0, 1, 3, 2] },
  );
  const square = [rows, heads, tokens, tokens];
  const plain = graph.node("MatMul", [scaled.name, turned.name], square);
  const scores = change(plain);
  const weights = graph.node("Softmax", [scores.name], square, { axis: -1 });
  const mixed = graph.node("MatMul", [weights.name, v.name], shape);
  const gathered = graph.node(
    "Transpose",
    [mixed.name],
    [rows, tokens, heads, size],
    { perm: [0, 2, 1, 3] },
  );
  return graph.reshape(gathered, [rows, tokens, heads * size]);
}

function windowCount({ size, window }: Attributes): number {
  return Math.ceil(size / window) ** 2;
}

/** The bias of every pair of tokens, `[1, heads, tokens, tokens]`. */
function biasOf(
  graph: OnnxGraph,
  table: Value,
  { heads, window }: Attributes,
): OnnxTensor {
  const side = 2 * window - 1;
  const tokens = window ** 2;
  const distances = pairs(tokens, (query, key) => {
    const down = Math.floor(query / window) - Math.floor(key / window);
    const right = query % window - key % window;
    return (down + window - 1) * side + right + window - 1;
  });
  const rows = graph.weight(table, [side ** 2, heads]);
  const looked = graph.node(
    "Gather",
    [rows.name, graph.integers(distances)],
    [tokens ** 2, heads],
    { axis: 0 },
  );
  const turned = graph.node("Transpose", [looked.name], [heads, tokens ** 2], {
    perm: [1, 0],
  });
  return graph.reshape(turned, [1, heads, tokens, tokens]);
}

/** 0, or -100 between tokens from opposite sides of the image. */
function maskOf(
  graph: OnnxGraph,
  { size, window, shift }: Attributes,
): string {
  const side = Math.ceil(size / window);
  const tokens = window ** 2;
  const isWrapped = (position: number) => position >= window - shift;
  const values = Array.from({ length: side ** 2 }, (_, index) => {
    const lastRow = Math.floor(index / side) === side - 1;
    const lastColumn = index % side === side - 1;
    return pairs(tokens, (query, key) => {
      const rows = isWrapped(Math.floor(query / window)) !==
        isWrapped(Math.floor(key / window));
      const columns = isWrapped(query % window) !== isWrapped(key % window);
      return lastRow && rows || lastColumn && columns ? -100 : 0;
    });
  }).flat();
  const shape = [1, side ** 2, 1, tokens, tokens];
  return graph.numbers(`mask ${size} ${window} ${shift}`, values, shape);
}

/** A number for every pair of tokens, queries outermost. */
function pairs(
  tokens: number,
  value: (query: number, key: number) => number,
): number[] {
  return Array.from(
    { length: tokens ** 2 },
    (_, i) => value(Math.floor(i / tokens), i % tokens),
  );
}
