import type { Graph, Value } from "../../core/graph/graph.ts";

/** Evaluates a whole graph in float64 with the ops' references. */
export function evaluate(
  graph: Graph,
  feeds: ReadonlyMap<Value, Float64Array>,
): (value: Value) => Float64Array {
  const known = new Map(feeds);
  const look = (value: Value): Float64Array => {
    const found = known.get(value.root);
    if (!found) {
      throw new TypeError("Cannot evaluate: got a value without feed");
    }
    return found;
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => input && look(input));
    const results = node.op.reference(inputs, node.attributes);
    node.outputs.forEach((output, i) => known.set(output, results[i]));
  }
  return look;
}
