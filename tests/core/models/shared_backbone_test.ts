import assert from "node:assert/strict";
import { findMethod, resolveOptions } from "../../../core/methods/mod.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import {
  shareBackbone,
  type SharedBackbone,
} from "../../../core/models/shared_backbone.ts";
import { adapt } from "../../../core/train/adapt.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import type { Engine } from "../../../kernels/engine.ts";
import { tinyBackbone, tinyDataset } from "../../support/tiny.ts";

/** An engine that counts what it allocates. */
async function withShared(
  work: (
    engine: Engine,
    shared: SharedBackbone,
    allocated: () => number,
  ) => Promise<void>,
): Promise<void> {
  const engine = await openCpuEngine({ threads: 1 });
  let bytes = 0;
  const counted: Engine = {
    ...engine,
    limits: engine.limits,
    compile: (plan) => engine.compile(plan),
    allocate(size, label) {
      bytes += size;
      return engine.allocate(size, label);
    },
  };
  try {
    using shared = shareBackbone(counted, tinyBackbone());
    await work(counted, shared, () => bytes);
  } finally {
    engine.close();
  }
}

const request = {
  data: tinyDataset(),
  epochs: 2,
  batchSize: 8,
  lr: 1e-2,
};

Deno.test("models over a shared backbone train as with their own", () =>
  withShared(async (engine, shared) => {
    const { backbone } = shared;
    for (const method of ["alore", "linear", "full"]) {
      const plain = { ...request, engine, backbone, method };
      using own = await adapt(plain);
      using over = await adapt({ ...plain, shared });
      assert.deepEqual(await over.model.read(), await own.model.read());
      const [a, b] = [await over.evaluate(), await own.evaluate()];
      assert.deepEqual(a.logits, b.logits);
      const { tensors } = await over.merge();
      assert.deepEqual(tensors, (await own.merge()).tensors);
    }
  }));

Deno.test("a shared backbone stays as it was and is uploaded once", () =>
  withShared(async (engine, shared, allocated) => {
    const { backbone, memory } = shared;
    const before = new Uint8Array(await memory.read(0, memory.bytes));
    const first = allocated();
    for (const method of ["full", "alore"]) {
      using _run = await adapt({
        ...request,
        engine,
        backbone,
        shared,
        method,
      });
    }
    const after = new Uint8Array(await memory.read(0, memory.bytes));
    assert.deepEqual(after, before);
    const mid = allocated();
    const method = findMethod("linear");
    const options = resolveOptions(method, {});
    using _model = buildModel({
      engine,
      backbone,
      shared,
      method,
      options,
      classes: 3,
      seed: 0,
    });
    assert.ok(mid > first);
    // The head alone: a weight of 3 · 24 floats and a bias, aligned to 256.
    assert.equal(allocated() - mid, 512 + 256);
  }));

Deno.test("AdaptedModel.write() refuses a tensor of a shared backbone", () =>
  withShared((engine, shared) => {
    const { backbone } = shared;
    const method = findMethod("linear");
    const base = { engine, backbone, method, options: {}, classes: 3, seed: 0 };
    using model = buildModel({ ...base, shared });
    const values = backbone.tensors.get("norm.weight")!;
    assert.throws(() => model.write("norm.weight", values), {
      name: "TypeError",
      message: "Cannot write norm.weight: got a tensor of a shared backbone, " +
        "wanted one of the model's own",
    });
    const other = { ...base, backbone: tinyBackbone(), shared };
    assert.throws(() => buildModel(other), {
      name: "TypeError",
      message: /^Cannot build the model: got tiny shared on .*, wanted the/,
    });
    return Promise.resolve();
  }));
