import assert from "node:assert/strict";
import { differentiate } from "../../../core/graph/differentiate.ts";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { add, addOp } from "../../../core/ops/elementwise.ts";
import { applyGelu } from "../../../core/ops/gelu.ts";
import { layerNorm } from "../../../core/ops/layer_norm.ts";
import { linear, product } from "../../../core/ops/matmul.ts";
import { assertClose } from "../../support/assert_close.ts";
import { evaluate } from "../../support/evaluate.ts";
import { fill } from "../../support/fill.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

type Build = (x: Value, w: Value) => Value;

/** Compares the gradients of a small network with central differences. */
function check(build: Build): Graph {
  const graph = new Graph();
  const x = graph.input("x", [3, 4]);
  const w = graph.input("w", [4, 4]);
  const root = build(x, w);
  const seed = graph.input("seed", root.shape);
  const upstream = Float64Array.from(
    fill({ shape: [...root.shape], kind: "normal" }, 5),
  );
  const feeds = new Map([[seed, upstream]]);
  for (const [i, value] of [...graph.inputs.values()].entries()) {
    if (value === seed) continue;
    const shape = [...value.shape];
    feeds.set(value, Float64Array.from(fill({ shape, kind: "normal" }, i)));
  }
  const gradients = differentiate(root, [x, w], { add: addOp, seed });
  const look = evaluate(graph, feeds);
  const found = new Map(
    [...gradients].map(([value, g]) => [value, look(g).slice()]),
  );
  const project = () =>
    evaluate(graph, feeds)(root).reduce((s, v, i) => s + v * upstream[i], 0);
  for (const [value, gradient] of found) {
    const point = feeds.get(value)!;
    const numeric = point.map((before, i) => {
      point[i] = before + 1e-5;
      const above = project();
      point[i] = before - 1e-5;
      const below = project();
      point[i] = before;
      return (above - below) / 2e-5;
    });
    assertClose(gradient, numeric, TOLERANCE.gradientCheck, "gradient");
  }
  assert.equal(found.size, 2);
  return graph;
}

const sums = (graph: Graph) =>
  graph.nodes.filter((node) => node.op.name === "add").length;

Deno.test("differentiate() sums the gradients of a value used many times", () => {
  check((x, w) => {
    const a = linear(x, w);
    const b = applyGelu(add(a, x));
    return add(product(b, w), add(a, a, 0.5), 2);
  });
});

Deno.test("differentiate() lets a product add the residual's gradient", () => {
  const graph = check((x, w) => linear(linear(x, w), w, { residual: x }));
  assert.equal(sums(graph), 0);
});

Deno.test("differentiate() lets a layer norm add the residual's gradient", () => {
  const graph = check((x, w) => {
    const row = x.graph.input("row", [4]);
    return linear(layerNorm(x, row, row, 1e-3), w, { residual: x });
  });
  assert.equal(sums(graph), 0);
});

Deno.test("differentiate() never changes a gradient that serves elsewhere", () => {
  // dy is the gradient of both branches; adding into it would change both.
  check((x, w) => {
    const y = linear(x, w);
    return add(y, add(x, linear(y, w, { residual: x })));
  });
});

Deno.test("differentiate() refuses an op without a gradient rule", () => {
  const graph = new Graph();
  const x = graph.input("x", [2]);
  const [y] = graph.apply(
    { name: "opaque", outputs: () => [[2]], reference: () => [] },
    [x],
    {},
  );
  assert.throws(() => differentiate(y, [x], { add: addOp }), {
    name: "TypeError",
    message: "Cannot differentiate opaque: got a use that needs a gradient, " +
      "wanted an op with a gradient rule",
  });
});
