import assert from "node:assert/strict";
import fc from "fast-check";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { plan } from "../../../core/graph/plan.ts";
import { add } from "../../../core/ops/elementwise.ts";
import { trainPlan } from "../../../core/train/step.ts";
import { byteLength, type Plan } from "../../../kernels/engine.ts";
import { evaluate } from "../../support/evaluate.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { tinyConfig, tinyModel } from "../../support/tiny.ts";

const BATCH = 6;
const TOKENS = 5;

function stepOf(method: string): Plan {
  // Two experts of rank 1 are thin against the width, as adapters should be.
  const thin = method === "alore" ? { experts: 2, rank: 1 } : {};
  const model = tinyModel(openReferenceEngine(), method, thin);
  return trainPlan(model, {
    batch: BATCH,
    smoothing: 0,
    dropPath: false,
  });
}

function count(made: Plan, kernel: string): number {
  return made.calls.filter((call) => call.kernel === kernel).length;
}

/** Values in the arena, and their bytes if each had room of its own. */
function buffers(made: Plan): { count: number; bytes: number } {
  const places = made.calls.flatMap((call) => call.outputs)
    .filter((place) => place?.block === 0);
  const bytes = places.reduce((sum, p) => sum + byteLength(p!.shape), 0);
  return { count: places.length, bytes };
}

/** Results that are read again after the loss is known. */
function savedForBackward(made: Plan): string[] {
  const loss = made.calls.findIndex(({ kernel }) => kernel === "cross_entropy");
  const key = (p: { block: number; offset: number }) =>
    `${p.block} ${p.offset}`;
  const lastWriter = new Map<string, string>();
  const saved: string[] = [];
  for (const [i, call] of made.calls.entries()) {
    for (const input of call.inputs) {
      if (i <= loss || !input || input.block !== 0) continue;
      const writer = lastWriter.get(key(input));
      if (writer) saved.push(writer);
      lastWriter.delete(key(input));
    }
    call.outputs.forEach((output, index) => {
      if (!output) return;
      if (i < loss) lastWriter.set(key(output), `${call.kernel}.${index}`);
      else lastWriter.delete(key(output));
    });
  }
  return saved;
}

Deno.test("plan() of linear keeps no activation for a frozen layer", () => {
  const made = stepOf("linear");
  assert.equal(count(made, "layer_norm_gradient"), 0);
  assert.equal(count(made, "attention_gradient"), 0);
  assert.equal(count(made, "gelu_gradient"), 0);
  assert.equal(count(made, "layer_norm_parameter_gradient"), 0);
  // The head alone: its weight and bias.
  const first = made.calls.findIndex((c) => c.kernel === "cross_entropy");
  const backward = made.calls.slice(first + 1).map((c) => c.kernel);
  assert.deepEqual(backward, [
    "cross_entropy_gradient",
    "matmul",
    "column_sum",
    "global_norm",
    "adamw",
  ]);
  // Logits and the features that feed the head, nothing from inside the blocks.
  assert.deepEqual(savedForBackward(made), ["matmul.0", "layer_norm.0"]);
  for (const call of made.calls) {
    if (call.kernel === "layer_norm") assert.equal(call.outputs[1], undefined);
    if (call.kernel === "attention") assert.equal(call.outputs[1], undefined);
  }
});

Deno.test("plan() of alore has no frozen weight gradient", () => {
  const made = stepOf("alore");
  assert.equal(count(made, "layer_norm_parameter_gradient"), 0);
  const { width, mlpHidden } = tinyConfig;
  const weights = [[3 * width, width], [mlpHidden, width], [width, mlpHidden]];
  for (const call of made.calls) {
    for (const place of call.outputs) {
      for (const [rows, columns] of weights) {
        const size = rows * columns * 4;
        const isWeight = place?.block !== 0 && place !== undefined &&
          byteLength(place.shape) === size;
        assert.ok(!isWeight, `${call.kernel} writes a weight gradient`);
      }
    }
  }
  // Of what matrix products make, a block keeps what comes before GELU; qkv for
  // the attention; and the streams that its layer norms read, the first of which
  // the embedding makes. Beyond that the last stream and the logits. Neither the
  // activated hidden layer nor what enters proj. Both adapters keep what is
  // narrow, before S and behind it, not what they make.
  const { depth } = tinyConfig;
  const saved = savedForBackward(made);
  const kept = (name: string) => saved.filter((one) => one === name).length;
  assert.equal(kept("matmul.1"), depth);
  assert.equal(kept("matmul.0"), 2 * depth + (depth - 1) + 2);
  assert.equal(kept("aggregate_experts.1"), 2 * depth);
  assert.equal(kept("aggregate_experts.2"), 2 * depth);
  assert.equal(kept("aggregate_experts.0"), 0);
});

Deno.test("plan() needs more for full than for alore than for linear", () => {
  const [linear, alore, full] = ["linear", "alore", "full"].map(stepOf);
  const made = [linear, alore, full].map((p) => p.arenaBytes);
  assert.ok(made[0] < made[1] && made[1] < made[2], String(made));
  // Only full reads what enters fc2 again: its weight gradient needs it.
  const hidden = BATCH * TOKENS * tinyConfig.mlpHidden * 4;
  const weights = (p: Plan) =>
    p.calls.filter(({ attributes: a, outputs: [y] }) =>
      a.transA && y?.block !== 0 && y !== undefined
    ).length;
  assert.equal(weights(linear), 1);
  assert.equal(weights(full), 4 * tinyConfig.depth + 2);
  assert.ok(full.arenaBytes - alore.arenaBytes > hidden);
  for (const p of [linear, alore, full]) {
    assert.ok(buffers(p).bytes > p.arenaBytes, "lifetimes share no memory");
  }
  // Without a backward pass through the blocks, memory does not grow with
  // depth: two hidden layers and the stream are the most alive at once.
  const rows = BATCH * TOKENS * 4;
  const most = rows * (tinyConfig.width * 2 + tinyConfig.mlpHidden) +
    rows * 3 * tinyConfig.width + 16 * 1024;
  assert.ok(linear.arenaBytes < most, `${linear.arenaBytes} of ${most}`);
});

Deno.test("plan() gives values that live together places apart", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 200 })), {
        minLength: 1,
        maxLength: 30,
      }),
      async (recipe) => {
        const graph = new Graph();
        const bySize = new Map<number, Value[]>();
        const feeds = new Map<Value, Float64Array>();
        const inputs: Record<string, Float32Array<ArrayBuffer>> = {};
        const results: Record<string, Value> = {};
        for (const [i, [a, b, size]] of recipe.entries()) {
          const length = size % 5 + 1;
          let pool = bySize.get(length);
          if (!pool) {
            const value = graph.input(`in${length}`, [length]);
            inputs[`in${length}`] = new Float32Array(length).fill(length);
            feeds.set(value, Float64Array.from(inputs[`in${length}`]));
            bySize.set(length, pool = [value]);
          }
          const sum = add(pool[a % pool.length], pool[b % pool.length], 0.5);
          pool.push(sum);
          if (i % 4 === 0 || i === recipe.length - 1) results[`out${i}`] = sum;
        }
        const made = plan({
          label: "random",
          graph,
          outputs: results,
          memories: new Map(),
        });
        const program = await openReferenceEngine().compile(made);
        const actual = await program.run(inputs);
        const look = evaluate(graph, feeds);
        for (const [name, value] of Object.entries(results)) {
          const wanted = Float32Array.from(look(value));
          assert.deepEqual(actual[name], wanted);
        }
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});

Deno.test("trainPlan() takes a key exactly where the method drops", () => {
  const keyed = (dropout: number): [boolean, number] => {
    const model = tinyModel(openReferenceEngine(), "alore", { dropout });
    const made = trainPlan(model, {
      batch: BATCH,
      smoothing: 0,
      dropPath: false,
    });
    return [made.inputs.has("key"), count(made, "dropout")];
  };
  assert.deepEqual(keyed(0), [false, 0]);
  // Forward at every adapter, backward at all but the first, whose input needs
  // no gradient.
  const adapters = 2 * tinyConfig.depth;
  assert.deepEqual(keyed(0.1), [true, 2 * adapters - 1]);
});
