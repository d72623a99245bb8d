import assert from "node:assert/strict";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { alore } from "../../../core/methods/alore.ts";
import { resolveOptions } from "../../../core/methods/mod.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { dropout } from "../../../core/ops/dropout.ts";
import { RandomStream } from "../../../core/rng.ts";
import { relativeError } from "../../support/assert_close.ts";
import { evaluate } from "../../support/evaluate.ts";
import { tinyConfig } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

const EXPERTS = 3;
const RATE = 0.5;

type Arrays = ReadonlyMap<string, Float64Array>;

/**
 * What enters the first attention's qkv, and S as it was used there.
 *
 * @param key The step's; left out, the model is not training.
 */
function adapted(given: Arrays, key?: readonly [number, number]) {
  const model = modelShape(tinyConfig);
  const options = resolveOptions(
    alore,
    { experts: EXPERTS, rank: 2, place: "attn", expertDropout: RATE },
    model,
  );
  const graph = new Graph();
  const x = graph.input("x", [5, tinyConfig.width]);
  const keys = graph.input("key", [2], "i32");
  const feeds = new Map<Value, Float64Array>([
    [x, given.get("x")!],
    [keys, Float64Array.from(key ?? [0, 0])],
  ]);
  let site = 0;
  let mix: Value | undefined;
  const hooks = alore.hooks({
    options,
    model,
    tensor(name) {
      const { shape } = alore.tensors(options, model)
        .find((tensor) => tensor.name === name)!;
      const value = graph.input(name, shape);
      feeds.set(value, given.get(name)!);
      return value;
    },
    dropout(value, rate, group) {
      const y = key && rate > 0
        ? dropout(value, keys, { rate, site: site++, group })
        : value;
      if (rate === RATE) mix = y;
      return y;
    },
  });
  const y = hooks.input!("blocks.0.attn.qkv", x);
  const look = evaluate(graph, feeds);
  return { y: look(y), mix: look(mix!) };
}

function someTensors(): Map<string, Float64Array> {
  const model = modelShape(tinyConfig);
  const options = resolveOptions(alore, { experts: EXPERTS, rank: 2 }, model);
  const random = new RandomStream(2, "alore");
  const some = (count: number) =>
    Float64Array.from({ length: count }, () => random.normal());
  return new Map([
    ["x", some(5 * tinyConfig.width)],
    ...alore.tensors(options, model).map(({ name, shape }) =>
      [name, some(shape.reduce((a, b) => a * b, 1))] as const
    ),
  ]);
}

Deno.test("alore leaves whole experts out of a step, and none of a test", () => {
  const given = someTensors();
  const S = "adapter.shared.experts.scale";
  const scale = given.get(S)!;
  const each = EXPERTS ** 2;
  assert.deepEqual(adapted(given).mix, scale);
  const patterns = new Set<string>();
  for (let step = 0; step < 32; step++) {
    const { y, mix } = adapted(given, [step, 7]);
    const pattern = Array.from({ length: EXPERTS }, (_, expert) => {
      const [own, all] = [mix, scale].map((values) =>
        values.subarray(expert * each, (expert + 1) * each)
      );
      const kept = own.some((value) => value !== 0);
      assert.deepEqual(own, all.map((v) => kept ? v / (1 - RATE) : 0));
      return Number(kept);
    });
    patterns.add(pattern.join(""));
    // As if the experts that are left were all there are, at twice the weight.
    const wanted = adapted(new Map([...given, [S, mix]])).y;
    assert.ok(relativeError(y, wanted) <= TOLERANCE.denseMethod);
  }
  assert.equal(patterns.size, 2 ** EXPERTS);
});
