import assert from "node:assert/strict";
import { attention } from "../../../core/ops/attention.ts";
import { costOf } from "../../../core/ops/cost.ts";
import { differentiate } from "../../../core/graph/differentiate.ts";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { plan } from "../../../core/graph/plan.ts";
import { crossEntropy } from "../../../core/ops/cross_entropy.ts";
import { linear } from "../../../core/ops/matmul.ts";
import { addOp } from "../../../core/ops/elementwise.ts";
import { ops } from "../../../core/ops/mod.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { tinyModel } from "../../support/tiny.ts";

/** Ops that only move numbers. */
const MOVERS = [
  "copy",
  "cut_tokens",
  "depth_to_space",
  "embed_tokens",
  "insert_tokens",
  "pad_tokens",
  "patches",
  "space_to_depth",
  "take_tokens",
  "transpose",
  "unpatches",
  "window_partition",
  "window_reverse",
];

function callsFor(graph: Graph, outputs: Record<string, Value>) {
  return plan({ label: "test", graph, outputs, memories: new Map() }).calls;
}

Deno.test("every op that computes says how much", () => {
  const silent = [...ops.values()].filter((op) => !op.flops);
  assert.deepEqual(silent.map(({ name }) => name), MOVERS);
});

Deno.test("costOf() counts a linear layer", () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 5, 7]);
  const weight = graph.input("weight", [3, 7]);
  const bias = graph.input("bias", [3]);
  const y = linear(x, weight, { bias });
  const [call] = callsFor(graph, { y });
  // 10 rows, 3 columns, 7 multiply-adds each.
  assert.equal(costOf(call).flops, 420);
  assert.equal(costOf(call).bytes, 4 * (70 + 21 + 3 + 30));
});

Deno.test("costOf() counts attention and its gradient", () => {
  const graph = new Graph();
  const qkv = graph.input("qkv", [2, 5, 18]);
  const y = attention(qkv, 3);
  const labels = graph.input("labels", [2], "i32");
  const { loss } = crossEntropy(graph.reshape(y, [2, 30]), labels, 0);
  const d = differentiate(loss, [qkv], { add: addOp }).get(qkv);
  assert.ok(d);
  const calls = callsFor(graph, { d, loss });
  const costs = new Map(calls.map((call) => [call.kernel, costOf(call)]));
  // 2 images of 3 heads of size 2: q kᵀ and p v are 5 × 5 × 2 each.
  assert.equal(costs.get("attention")?.flops, 2 * 3 * 2 * (2 * 50));
  assert.equal(costs.get("attention_gradient")?.flops, 2 * 3 * 5 * (2 * 50));
  assert.equal(
    costs.get("attention")?.bytes,
    4 * (2 * 5 * 18 + 2 * 5 * 6 + 2 * 3 * 5),
  );
});

Deno.test("the products of a model are those of its layers", () => {
  using model = tinyModel(openReferenceEngine(), "linear");
  const { calls } = model.forwardPlan(2);
  const products = calls.filter(({ kernel }) => kernel === "matmul")
    .reduce((sum, call) => sum + costOf(call).flops, 0);
  // Width 24, hidden 48, 4 patches of 48 numbers and the class token; behind
  // the last attention there is only the class token.
  const [qkv, proj, mlp] = [24 * 72, 24 * 24, 2 * 24 * 48];
  const image = 4 * 48 * 24 + 2 * 5 * qkv + (5 + 1) * (proj + mlp) + 24 * 3;
  assert.equal(products, 2 * 2 * image);
});
