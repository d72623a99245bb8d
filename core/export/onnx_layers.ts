/**
 * Layers that look at one token at a time, in ONNX.
 *
 * @module
 */

import type { Node } from "../graph/graph.ts";
import { type OnnxGraph, type OnnxTensor, operands } from "./onnx_graph.ts";

/** a + alpha b. */
export function add(graph: OnnxGraph, node: Node): void {
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

/**
 * A linear layer with what is fused into it.
 *
 * @throws {TypeError} If the product is of two computed matrices.
 */
export function matmul(graph: OnnxGraph, node: Node): void {
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

/** The exact GELU. */
export function gelu(graph: OnnxGraph, node: Node): void {
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

/** x σ(1.702 x). */
export function quickGelu(graph: OnnxGraph, node: Node): void {
  const x = graph.get(operands(node)[0]);
  const { shape } = x;
  const steep = graph.node("Mul", [x.name, graph.number(1.702)], shape);
  const share = graph.node("Sigmoid", [steep.name], shape);
  graph.set(
    node.outputs[0],
    graph.node("Mul", [x.name, share.name], shape),
  );
}

/** Normalisation over the last axis. */
export function layerNorm(graph: OnnxGraph, node: Node): void {
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

/** x · scale + shift + addend over the last axis. */
export function scaleShift(graph: OnnxGraph, node: Node): void {
  const [x, scale, shift, addend] = operands(node);
  const { n } = node.attributes;
  const entering = graph.get(x);
  const { shape } = entering;
  const factors = graph.weight(scale, [n]);
  let y = graph.node("Mul", [entering.name, factors.name], shape);
  if (shift) {
    y = graph.node("Add", [y.name, graph.weight(shift, [n]).name], shape);
  }
  if (addend) {
    y = graph.node("Add", [y.name, graph.as(addend, shape).name], shape);
  }
  graph.set(node.outputs[0], y);
}
