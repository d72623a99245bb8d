import assert from "node:assert/strict";
import { differentiate } from "../../../core/graph/differentiate.ts";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { addOp } from "../../../core/ops/elementwise.ts";
import { ops } from "../../../core/ops/mod.ts";
import { assertClose } from "../../support/assert_close.ts";
import { evaluate } from "../../support/evaluate.ts";
import { fill } from "../../support/fill.ts";
import { type KernelCase, kernelCases } from "../../support/kernel_cases.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

const STEP = 1e-5;

/** Compares every gradient of a case with central differences. */
function checkGradients(test: KernelCase, op: string): number {
  const graph = new Graph();
  const inputs = test.inputs.map((input, i) =>
    input && graph.input(
      `input ${i}`,
      input.shape,
      input.kind === "labels" || input.kind === "key" ? "i32" : "f32",
    )
  );
  const feeds = new Map<Value, Float64Array>();
  inputs.forEach((value, i) => {
    const input = test.inputs[i];
    if (value && input) feeds.set(value, Float64Array.from(fill(input, i)));
  });
  const found = ops.get(op);
  assert.ok(found);
  const [root] = graph.apply(found, inputs, test.attributes);
  const seed = graph.input("seed", root.shape);
  const upstream = Float64Array.from(
    fill({ shape: [...root.shape], kind: "normal" }, 99),
  );
  feeds.set(seed, upstream);
  const wanted = inputs.filter((value) =>
    value && value.dtype === "f32"
  ) as Value[];
  const gradients = differentiate(root, wanted, { add: addOp, seed });
  const look = evaluate(graph, feeds);
  const project = (): number =>
    found.reference(
      inputs.map((value) => value && feeds.get(value)),
      test.attributes,
    )[0].reduce((sum, v, i) => sum + v * upstream[i], 0);
  for (const [value, gradient] of gradients) {
    const point = feeds.get(value);
    assert.ok(point);
    const numeric = point.map((_, i) => {
      const before = point[i];
      point[i] = before + STEP;
      const above = project();
      point[i] = before - STEP;
      const below = project();
      point[i] = before;
      return (above - below) / (2 * STEP);
    });
    const what = `${op} ${JSON.stringify(test.attributes)} towards ` +
      (value.source.kind === "input" ? value.source.name : "a value");
    assertClose(look(gradient), numeric, TOLERANCE.gradientCheck, what);
  }
  return gradients.size;
}

for (const [name, op] of ops) {
  if (!op.gradient) continue;
  Deno.test(`${name} has the gradient that central differences give`, () => {
    let checked = 0;
    for (const test of kernelCases) {
      if (test.op === name && !test.large) {
        checked += checkGradients(test, name);
      }
    }
    assert.ok(checked > 0, `no small case of ${name}`);
  });
}

Deno.test("every op has a case", () => {
  const covered = new Set(kernelCases.map((test) => test.op));
  assert.deepEqual([...ops.keys()].filter((name) => !covered.has(name)), []);
});
