import assert from "node:assert/strict";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import { resolveOptions } from "../../../core/methods/mod.ts";
import { vptDeep, vptShallow } from "../../../core/methods/vpt.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { dropout } from "../../../core/ops/dropout.ts";
import { RandomStream } from "../../../core/rng.ts";
import { evaluate } from "../../support/evaluate.ts";
import { tinyConfig } from "../../support/tiny.ts";

Deno.test("vpt drops prompts, each image its own, and no other token", () => {
  const model = modelShape(tinyConfig);
  const options = resolveOptions(vptDeep, { prompts: 2, dropout: 0.5 }, model);
  const graph = new Graph();
  const [batch, tokens, width] = [3, 7, tinyConfig.width];
  const x = graph.input("x", [batch, tokens, width]);
  const key = graph.input("key", [2], "i32");
  const prompts = graph.input("prompts", [tinyConfig.depth, 2, width]);
  const random = new RandomStream(1, "vpt");
  const some = ({ count }: Value) =>
    Float64Array.from({ length: count }, () => random.normal());
  const feeds = new Map<Value, Float64Array>([
    [x, some(x)],
    [key, Float64Array.of(3, 4)],
    [prompts, some(prompts)],
  ]);
  const hooks = vptDeep.hooks({
    options,
    model,
    tensor: () => prompts,
    dropout: (value, rate) => dropout(value, key, { rate, site: 0 }),
  });
  const y = hooks.tokens!(1, x);
  assert.deepEqual(y.shape, x.shape);
  const [before, after] = [feeds.get(x)!, evaluate(graph, feeds)(y)];
  const wanted = feeds.get(prompts)!.subarray(2 * width, 4 * width);
  const kept: string[] = [];
  for (let image = 0; image < batch; image++) {
    const own = (values: Float64Array, from: number, to: number) =>
      values.slice(
        (image * tokens + from) * width,
        (image * tokens + to) * width,
      );
    assert.deepEqual(own(after, 0, 1), own(before, 0, 1));
    assert.deepEqual(own(after, 3, tokens), own(before, 3, tokens));
    const mask = [...own(after, 1, 3)].map((value, i) => {
      assert.ok(value === 0 || value === 2 * wanted[i]);
      return Number(value !== 0);
    });
    assert.ok(mask.includes(0) && mask.includes(1));
    kept.push(mask.join(""));
  }
  assert.equal(new Set(kept).size, batch);
});

Deno.test("vpt starts prompts by the size of a patch", () => {
  const model = modelShape(findBackbone("vit-b16"));
  const bound = Math.sqrt(6 / (3 * 16 ** 2 + 768));
  const size = { shallow: [1, 10, 768], deep: [12, 10, 768] };
  for (
    const [method, shape] of [
      [vptShallow, size.shallow],
      [vptDeep, size.deep],
    ] as const
  ) {
    const [prompts, ...rest] = method.tensors({ prompts: 10 }, model);
    assert.deepEqual(prompts.shape, shape);
    assert.deepEqual(prompts.init, { kind: "uniform", bound });
    assert.deepEqual(rest, []);
  }
});

Deno.test("vpt refuses models without a class token or with several widths", () => {
  const plain = modelShape(findBackbone("vit-b16"));
  const tensors = new Map(plain.tensors);
  tensors.delete("cls_token");
  const [first, ...rest] = plain.blocks;
  const blocks = [{ ...first, width: 384 }, ...rest];
  for (const model of [{ ...plain, tensors }, { ...plain, blocks }]) {
    assert.throws(() => vptDeep.check!({}, model), {
      name: "RangeError",
      message:
        "Cannot put prompts into the model (vpt-deep): got one without " +
        "a class token or with several widths, wanted a plain vision " +
        "transformer",
      hint: "alore, lora and ssf work on every model",
    });
  }
});
