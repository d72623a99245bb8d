/**
 * What every method of the registry is held to, on a tiny model and by count on
 * ViT-B/16. The rows are in rows.ts; a method without one fails.
 *
 * @module
 */

import assert from "node:assert/strict";
import { foldedTensors } from "../../../core/merge.ts";
import { isHead } from "../../../core/methods/method.ts";
import { methods, resolveOptions } from "../../../core/methods/mod.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { shareBackbone } from "../../../core/models/shared_backbone.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { relativeError } from "../../support/assert_close.ts";
import { tinyBackbone, tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import {
  checkGradients,
  logitsOf,
  perturb,
  plainWith,
  reloaded,
  trainSteps,
  withEngine,
} from "./checks.ts";
import { type Row, rows } from "./rows.ts";

Deno.test("every method has a row", () => {
  assert.deepEqual(Object.keys(rows).sort(), [...methods.keys()].sort());
});

Deno.test("every method folds or says why not, and has a learning rate", () => {
  for (const { name, merge, unmergeable, lr } of methods.values()) {
    assert.equal(merge === undefined, unmergeable !== undefined, name);
    assert.ok(lr > 0 && lr < 1, name);
  }
});

for (const [name, method] of methods) {
  for (const row of rows[name] ?? []) {
    const { parameters, options = {} } = row;
    const label = `${name} ${JSON.stringify(options)}`;

    Deno.test(`${label} trains ${parameters} numbers of ViT-B/16`, () => {
      const shape = modelShape(findBackbone("vit-b16"));
      const resolved = resolveOptions(method, options, shape);
      const trained = [...shape.tensors]
        .filter(([tensor]) => !isHead(shape, tensor) && method.trains(tensor))
        .map(([, size]) => size);
      const added = method.tensors(resolved, shape)
        .filter(({ fixed }) => !fixed).map(({ shape }) => shape);
      const total = [...trained, ...added].reduce(
        (sum, size) => sum + size.reduce((product, n) => product * n, 1),
        0,
      );
      assert.equal(total, parameters);
    });

    Deno.test(`${label} conforms`, (t) => conforms(t, name, row));
  }
}

async function conforms(
  t: Deno.TestContext,
  name: string,
  { options = {}, tiny = {}, moved }: Row,
): Promise<void> {
  const method = methods.get(name)!;
  const small = { ...options, ...tiny };
  await withEngine(async (engine) => {
    await t.step(
      "starts as the frozen model, or says that it does not",
      async () => {
        using model = tinyModel(engine, name, small);
        const all = await model.read(model.slots.keys());
        using plain = plainWith(engine, all);
        const [ours, theirs] = [await logitsOf(model), await logitsOf(plain)];
        if (moved === undefined) assert.deepEqual(ours, theirs);
        else assert.notDeepEqual(ours, theirs, `it does start there: ${moved}`);
      },
    );

    await t.step("keeps what is frozen and changes the rest", async () => {
      using model = tinyModel(engine, name, small);
      const still = [
        ...model.frozen.slots.keys(),
        ...model.fixed.slots.keys(),
      ];
      const frozen = await model.read(still);
      const trainable = [...model.trainable.slots.keys()];
      const before = await model.read(trainable);
      await trainSteps(model, 10);
      const after = await model.read(trainable);
      assert.deepEqual(await model.read(still), frozen);
      for (const [tensor, values] of before) {
        assert.notDeepEqual(after.get(tensor), values, `${tensor} stayed`);
      }
    });

    await t.step(
      "comes back over a shared backbone with the same bits",
      async () => {
        using model = tinyModel(engine, name, small);
        await perturb(model);
        using shared = shareBackbone(engine, tinyBackbone());
        using again = await reloaded(shared, model);
        assert.deepEqual(await again.read(), await model.read());
        assert.deepEqual(await logitsOf(again), await logitsOf(model));
      },
    );

    if (method.merge) {
      await t.step("merged equals unmerged and not the base", async () => {
        using model = tinyModel(engine, name, small);
        const base = await logitsOf(model);
        await perturb(model);
        const unmerged = await logitsOf(model);
        using plain = plainWith(engine, await foldedTensors(model));
        const merged = await logitsOf(plain);
        assert.ok(relativeError(merged, unmerged) <= TOLERANCE.merged);
        assert.ok(relativeError(base, unmerged) > 100 * TOLERANCE.merged);
      });
    } else {
      await t.step("refuses to merge and says why", async () => {
        using model = tinyModel(engine, name, small);
        await assert.rejects(foldedTensors(model), {
          name: "TypeError",
          message: `Cannot merge the adapter: got ${name}, ` +
            `${method.unmergeable}, wanted a method that is linear`,
        });
      });
    }
  });

  await t.step("has the gradients that central differences give", async () => {
    await checkGradients(name, small);
  });
}
