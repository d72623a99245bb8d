import assert from "node:assert/strict";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { compacter } from "../../../core/methods/compacter.ts";
import { resolveOptions } from "../../../core/methods/mod.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { gelu } from "../../../core/ops/gelu.ts";
import { RandomStream } from "../../../core/rng.ts";
import { assertClose } from "../../support/assert_close.ts";
import { evaluate } from "../../support/evaluate.ts";
import { tinyConfig } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

const OPTIONS = { hidden: 6, products: 3, rank: 2 };
const { hidden: HIDDEN, products: N, rank: RANK } = OPTIONS;
const WIDTH = tinyConfig.width;

type Look = (name: string) => Float64Array;

/** z (Σᵢ Aᵢ ⊗ (Lᵢ Rᵢ)) + b for one token. */
function phm(z: Float64Array, look: Look, at: string): Float64Array {
  const rule = look("adapter.shared.rule");
  const left = look(`adapter.${at}_left`);
  const right = look(`adapter.${at}_right`);
  const y = look(`adapter.${at}_bias`).slice();
  const [inner, out] = [z.length / N, y.length / N];
  for (let i = 0; i < N; i++) {
    for (let row = 0; row < N * inner; row++) {
      for (let column = 0; column < N * out; column++) {
        const [a, p] = [Math.floor(row / inner), row % inner];
        const [b, q] = [Math.floor(column / out), column % out];
        let block = 0;
        for (let r = 0; r < RANK; r++) {
          block += left[(i * inner + p) * RANK + r] *
            right[(i * RANK + r) * out + q];
        }
        y[column] += z[row] * rule[(i * N + a) * N + b] * block;
      }
    }
  }
  return y;
}

Deno.test("compacter equals m + phm(gelu(phm(m))) with dense products", () => {
  const model = modelShape(tinyConfig);
  const options = resolveOptions(compacter, OPTIONS, model);
  const graph = new Graph();
  const feeds = new Map<Value, Float64Array>();
  const random = new RandomStream(2, "compacter");
  const values = new Map<string, Value>();
  const feed = (name: string, shape: readonly number[]): Value => {
    const value = graph.input(name, shape);
    feeds.set(
      value,
      Float64Array.from({ length: value.count }, () => random.normal()),
    );
    values.set(name, value);
    return value;
  };
  for (const { name, shape } of compacter.tensors(options, model)) {
    feed(name, shape);
  }
  const stream = feed("m", [2, 5, WIDTH]);
  const hooks = compacter.hooks({
    options,
    model,
    tensor: (name) => values.get(name)!,
    dropout: (x) => x,
  });
  const look: Look = (name) => feeds.get(values.get(name)!)!;
  for (const site of ["blocks.0.attn", "blocks.1.mlp"]) {
    const y = hooks.branch!(site)!(stream, stream);
    const wanted = new Float64Array(stream.count);
    for (let token = 0; token < wanted.length; token += WIDTH) {
      const m = look("m").subarray(token, token + WIDTH);
      const low = phm(m, look, `${site}.down`);
      const [z] = gelu.reference([low], { count: HIDDEN });
      wanted.set(phm(z, look, `${site}.up`).map((v, i) => v + m[i]), token);
    }
    const actual = evaluate(graph, feeds)(y);
    assertClose(actual, wanted, TOLERANCE.denseMethod, `compacter ${site}`);
  }
});

Deno.test("compacter refuses products that do not divide", () => {
  const shape = modelShape(findBackbone("vit-b16"));
  const message = (given: Record<string, unknown>) => ({
    name: "RangeError",
    message: `Cannot build the compacters: got ${given.products} products ` +
      `for ${given.odd} features, wanted a divisor of ${given.odd}`,
  });
  assert.throws(
    () => resolveOptions(compacter, { products: 5 }, shape),
    message({ products: 5, odd: 768 }),
  );
  assert.throws(
    () => resolveOptions(compacter, { hidden: 22 }, shape),
    message({ products: 4, odd: 22 }),
  );
});
