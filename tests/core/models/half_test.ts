import assert from "node:assert/strict";
import { foldedTensors } from "../../../core/merge.ts";
import { halfWords } from "../../../core/models/half.ts";
import { shareBackbone } from "../../../core/models/shared_backbone.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import { findMethod, resolveOptions } from "../../../core/methods/mod.ts";
import type { Engine, Memory } from "../../../kernels/engine.ts";
import { halfPlanningEngine } from "../../support/planning_engine.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { tinyBackbone, tinyConfig, tinyModel } from "../../support/tiny.ts";

Deno.test("halfWords() rounds to f16 and pads the last word", () => {
  const values = Float32Array.of(1, -2.5, 0.1);
  const words = halfWords(values, "weight");
  assert.equal(words.byteLength, 8);
  const [one, two, tenth, padding] = new Float16Array(words.buffer);
  assert.deepEqual([one, two, padding], [1, -2.5, 0]);
  assert.equal(tenth, Math.f16round(0.1));
});

Deno.test("halfWords() refuses what f16 does not reach, by name", () => {
  assert.equal(halfWords(Float32Array.of(65_504), "weight").length, 1);
  assert.throws(() => halfWords(Float32Array.of(0, -65_520), "fc1.weight"), {
    name: "RangeError",
    message:
      "Cannot store fc1.weight as f16: got -65520, wanted numbers from " +
      "-65504 to 65504",
    hint: "--precision f32 stores it as it is",
  });
});

/** An engine whose memories keep what is written; it only plans. */
function storingEngine(base: Engine): Engine {
  return {
    ...base,
    allocate(bytes, label): Memory {
      const stored = new Uint8Array(bytes);
      return {
        label,
        bytes,
        write(data, offset) {
          stored.set(
            new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
            offset,
          );
        },
        read: (offset, length) =>
          Promise.resolve(stored.slice(offset, offset + length).buffer),
        close() {},
      };
    },
  };
}

Deno.test("models over f16 give frozen tensors back as they were", async () => {
  const engine = storingEngine(halfPlanningEngine());
  const backbone = tinyBackbone();
  const method = findMethod("alore");
  const options = resolveOptions(method, { experts: 2, rank: 1 });
  using shared = shareBackbone(engine, backbone);
  for (const part of [undefined, shared]) {
    using model = buildModel({
      engine,
      backbone,
      shared: part,
      method,
      options,
      classes: tinyConfig.classes,
      seed: 3,
    });
    const weight = "blocks.0.mlp.fc1.weight";
    assert.equal(model.slot(weight).dtype, "f16");
    assert.equal(model.slot("blocks.0.mlp.fc1.bias").dtype, undefined);
    const names = [...model.frozen.slots.keys()];
    for (const [name, values] of await model.read(names)) {
      assert.deepEqual(values, backbone.tensors.get(name), name);
    }
  }
});

Deno.test("merging over f16 gives the bits of merging over f32", async () => {
  const thin = { experts: 2, rank: 1 };
  const engine = storingEngine(halfPlanningEngine());
  const reference = openReferenceEngine();
  using half = tinyModel(engine, "alore", thin);
  using full = tinyModel(reference, "alore", thin);
  for (const [name, { shape }] of half.trainable.slots) {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    half.write(name, values);
    full.write(name, values);
  }
  assert.deepEqual(await foldedTensors(half), await foldedTensors(full));
});
