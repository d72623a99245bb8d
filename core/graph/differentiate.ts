/**
 * Reverse-mode differentiation over a traced graph.
 *
 * Only what lies between a wanted value and the root gets a gradient, so with a
 * frozen backbone no weight gradient is ever traced. Gradients of what no input
 * reaches, so of weights and what is made of them alone, stay exact (f32).
 *
 * @module
 */

import { inputDependents, type Node, type Op, type Value } from "./graph.ts";

/**
 * Traces the gradients of a root towards some values.
 *
 * @param root The value to differentiate, the output of a node.
 * @param wanted Where gradients are needed.
 * @param options `add`: the op that sums two values. `seed`: the gradient of
 * the root, same shape; left out, the root's op takes it as one.
 * @returns The gradient of each wanted value that the root depends on.
 */
export function differentiate(
  root: Value,
  wanted: readonly Value[],
  options: { add: Op; seed?: Value },
): Map<Value, Value> {
  const graph = root.graph;
  const forward = graph.nodes.length;
  const depends = dependents(root, wanted);
  const fromInputs = inputDependents(graph);
  const sums = new GradientSums(options.add, fromInputs);
  if (options.seed) sums.add(root, options.seed);
  const last = root.source.kind === "node" ? root.source.node : undefined;
  for (let id = forward - 1; id >= 0; id--) {
    const node = graph.nodes[id];
    const gradients = node.outputs.map((output) => sums.get(output));
    const isRoot = node === last && !options.seed;
    if (!isRoot && gradients.every((gradient) => !gradient)) continue;
    const needed = node.inputs.map((input) =>
      input !== undefined && depends.has(input.root)
    );
    if (!needed.includes(true)) continue;
    const made = graph.nodes.length;
    propagate(node, gradients, needed, sums);
    if (node.outputs.some((output) => fromInputs.has(output))) continue;
    for (const { outputs } of graph.nodes.slice(made)) {
      for (const output of outputs) graph.exact.add(output);
    }
  }
  const result = new Map<Value, Value>();
  for (const value of wanted) {
    const gradient = sums.get(value.root);
    if (gradient) result.set(value, graph.reshape(gradient, value.shape));
  }
  return result;
}

/** All roots that depend on a wanted value, the wanted ones included. */
function dependents(root: Value, wanted: readonly Value[]): Set<Value> {
  const found = new Set(wanted.map((value) => value.root));
  for (const node of root.graph.nodes) {
    if (node.inputs.some((input) => input && found.has(input.root))) {
      for (const output of node.outputs) found.add(output);
    }
  }
  return found;
}

function propagate(
  node: Node,
  gradients: (Value | undefined)[],
  needed: boolean[],
  sums: GradientSums,
): void {
  if (!node.op.gradient) {
    throw new TypeError(
      `Cannot differentiate ${node.op.name}: got a use that needs a ` +
        `gradient, wanted an op with a gradient rule`,
    );
  }
  const results = node.op.gradient(node, gradients, needed);
  for (const [index, gradient] of results.entries()) {
    const input = node.inputs[index];
    if (gradient && input && needed[index]) sums.add(input.root, gradient);
  }
}

/** Gradients by root; sums what flows in from several uses. */
class GradientSums {
  readonly #sums = new Map<Value, Value>();
  /** Roots that already serve as a gradient and must not change. */
  readonly #claimed = new Set<Value>();
  readonly #addOp: Op;
  readonly #fromInputs: ReadonlySet<Value>;

  constructor(addOp: Op, fromInputs: ReadonlySet<Value>) {
    this.#addOp = addOp;
    this.#fromInputs = fromInputs;
  }

  get(value: Value): Value | undefined {
    return this.#sums.get(value);
  }

  add(value: Value, gradient: Value): void {
    const graph = value.graph;
    const next = graph.reshape(gradient, value.shape);
    const before = this.#sums.get(value);
    let sum = next;
    if (before && !this.#absorb(next, before)) {
      [sum] = graph.apply(this.#addOp, [before, next], {
        count: value.count,
        alpha: 1,
      });
    }
    this.#sums.set(value, sum);
    this.#claimed.add(sum.root);
    if (!this.#fromInputs.has(value)) graph.exact.add(sum.root);
  }

  /** Lets the node that makes `fresh` add `before` itself, if it can. */
  #absorb(fresh: Value, before: Value): boolean {
    const source = fresh.root.source;
    if (source.kind !== "node" || source.index !== 0) return false;
    if (this.#claimed.has(fresh.root)) return false;
    const { node } = source;
    const slot = node.op.addend;
    if (slot === undefined || node.inputs[slot]) return false;
    const maker = before.root.source;
    if (maker.kind === "node" && maker.node.id >= node.id) return false;
    const graph = fresh.graph;
    node.inputs[slot] = graph.reshape(before, node.outputs[0].shape);
    return true;
  }
}
