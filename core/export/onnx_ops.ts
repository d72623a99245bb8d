/**
 * How each op of a forward pass is said in ONNX, opset 17: one rule an op, one
 * line in the table.
 *
 * @module
 */

import type { Node, Value } from "../graph/graph.ts";
import type { OnnxGraph, OnnxRule, OnnxTensor } from "./onnx_graph.ts";

/** The rules by the name of the op. */
export const onnxRules: ReadonlyMap<string, OnnxRule> = new Map<
  string,
  OnnxRule
>([
  ["add", add],
  ["attention", attention],
  ["embed_tokens", embedTokens],
  ["gelu", gelu],
  ["layer_norm", layerNorm],
  ["matmul", matmul],
  ["patches", patches],
  ["take_tokens", takeTokens],
]);

/** The inputs of a node; those that the rule needs are there. */
function operands(node: Node): Value[] {
  return node.inputs as Value[];
}

function add(graph: OnnxGraph, node: Node): void {
  const [a, b] = operands(node);
  const { alpha } = node.attributes;
  const left = graph.get(a);
  const right = graph.as(b, left.shape);
  const scaled = alpha === 1
    ? right
    : graph.node("Mul", [right.name, graph.number(alpha)], left.shape);
  const y = graph.node("Add", [left.name, scaled.name], left.shape);
  graph.set(node.outputs[0], y);
}

function matmul(graph: OnnxGraph, node: Node): void {
  const [a, b, bias, residual] = operands(node);
  const { n, k, transA, transB, alpha, activation } = node.attributes;
  const stored = b.root.source.kind === "stored";
  if (transA || !transB || alpha !== 1 || !stored) {
    throw new TypeError(
      "Cannot export to ONNX: got a matrix product that is no linear layer, " +
        "wanted x Wᵀ + b",
    );
  }
  const plain = graph.plain(a);
  const x = plain.shape.at(-1) === k ? plain : graph.as(a, [a.count / k, k]);
  const shape = [...x.shape.slice(0, -1), n];
  const weight = graph.transposedWeight(b, n, k);
  let y = graph.node("MatMul", [x.name, weight.name], shape);
  if (bias) {
    y = graph.node("Add", [y.name, graph.weight(bias, [n]).name], shape);
  }
  if (activation) y = geluOf(graph, y);
  if (residual) {
    y = graph.node("Add", [y.name, graph.as(residual, shape).name], shape);
  }
  graph.set(node.outputs[0], y);
}

function gelu(graph: OnnxGraph, node: Node): void {
  graph.set(node.outputs[0], geluOf(graph, graph.get(operands(node)[0])));
}

/** x · (1 + erf(x / √2)) / 2; ONNX has a Gelu from opset 20 on only. */
function geluOf(graph: OnnxGraph, x: OnnxTensor): OnnxTensor {
  const { shape } = x;
  const root = graph.number(Math.SQRT2);
  const scaled = graph.node("Div", [x.name, root], shape);
  const erf = graph.node("Erf", [scaled.name], shape);
  const above = graph.node("Add", [erf.name, graph.number(1)], shape);
  const twice = graph.node("Mul", [x.name, above.name], shape);
  return graph.node("Mul", [twice.name, graph.number(0.5)], shape);
}

function layerNorm(graph: OnnxGraph, node: Node): void {
  const [x, weight, bias] = operands(node);
  const { n, eps } = node.attributes;
  const entering = graph.get(x);
  const names = [
    entering.name,
    graph.weight(weight, [n]).name,
    graph.weight(bias, [n]).name,
  ];
  const attributes = { axis: -1, epsilon: eps };
  graph.set(
    node.outputs[0],
    graph.node("LayerNormalization", names, entering.shape, attributes),
  );
}

function attention(graph: OnnxGraph, node: Node): void {
  const { tokens, heads, width } = node.attributes;
  const size = width / heads;
  const qkv = graph.as(operands(node)[0], [1, tokens, 3, heads, size]);
  // (3, batch, heads, tokens, size)
  const split = graph.node(
    "Transpose",
    [qkv.name],
    [3, 1, heads, tokens, size],
    { perm: [2, 0, 3, 1, 4] },
  );
  const shape = [1, heads, tokens, size];
  const [q, k, v] = [0, 1, 2].map((part) =>
    graph.node("Gather", [split.name, graph.integer(part)], shape, { axis: 0 })
  );
  const scale = graph.number(1 / Math.sqrt(size));
  const scaled = graph.node("Mul", [q.name, scale], shape);
  const turned = graph.node("Transpose", [k.name], [1, heads, size, tokens], {
    perm: [0, 1, 3, 2],
  });
  const square = [1, heads, tokens, tokens];
  const scores = graph.node("MatMul", [scaled.name, turned.name], square);
  const weights = graph.node("Softmax", [scores.name], square, { axis: -1 });
  const mixed = graph.node("MatMul", [weights.name, v.name], shape);
  const gathered = graph.node(
    "Transpose",
    [mixed.name],
    [1, tokens, heads, size],
    { perm: [0, 2, 1, 3] },
  );
  graph.set(node.outputs[0], graph.reshape(gathered, [1, tokens, width]));
}

function patches(graph: OnnxGraph, node: Node): void {
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

function embedTokens(graph: OnnxGraph, node: Node): void {
  const [x, cls, pos] = operands(node);
  const { tokens, width } = node.attributes;
  const entering = graph.as(x, [1, tokens - 1, width]);
  const sizes = graph.node("Shape", [entering.name], [3]);
  const batch = graph.node(
    "Slice",
    [sizes.name, graph.integers([0]), graph.integers([1])],
    [1],
  );
  const one = graph.node(
    "Concat",
    [batch.name, graph.integers([1, width])],
    [3],
    { axis: 0 },
  );
  const first = graph.node(
    "Expand",
    [graph.weight(cls, [1, 1, width]).name, one.name],
    [1, 1, width],
  );
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

function takeTokens(graph: OnnxGraph, node: Node): void {
  const { tokens, width, start, count } = node.attributes;
  const x = graph.as(operands(node)[0], [1, tokens, width]);
  const bounds = [[start], [start + count], [1]]
    .map((values) => graph.integers(values));
  graph.set(
    node.outputs[0],
    graph.node("Slice", [x.name, ...bounds], [1, count, width]),
  );
}
