/**
 * Chooses the values of a plan that are stored as f16.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import { type Graph, inputDependents, type Node, type Value } from "./graph.ts";

/**
 * The roots of activations and their gradients that every kernel can take as
 * f16, so that nothing is ever converted from one place to another.
 *
 * Weights and what is made of weights alone stay f32, and so do their gradients,
 * what the host writes or reads, and what lies in a persistent memory (`keep`).
 *
 * @throws {TypeError} If a kernel cannot read a stored tensor that is f16.
 */
export function halfValues(
  nodes: readonly Node[],
  graph: Graph,
  keep: ReadonlySet<Value>,
  half: Engine["half"],
): Set<Value> {
  const found = new Set<Value>();
  if (!half) return found;
  const fromInputs = inputDependents(graph);
  for (const { outputs } of nodes) {
    for (const value of outputs) {
      const free = !keep.has(value) && !graph.exact.has(value);
      if (free && fromInputs.has(value)) found.add(value);
    }
  }
  for (const { op, inputs, outputs } of nodes) {
    const able = half(op.name);
    for (const [i, value] of inputs.entries()) {
      if (!value || able.inputs.includes(i)) continue;
      found.delete(value.root);
      checkStored(value, op.name, i);
    }
    for (const [i, value] of outputs.entries()) {
      if (!able.outputs.includes(i)) found.delete(value);
    }
  }
  return found;
}

function checkStored({ root }: Value, kernel: string, input: number): void {
  const { source } = root;
  if (source.kind !== "stored" || source.dtype !== "f16") return;
  throw new TypeError(
    `Cannot plan ${kernel}: got ${source.name}, stored as f16, as input ` +
      `${input}, wanted f32`,
  );
}
