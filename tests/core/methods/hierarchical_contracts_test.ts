/**
 * Methods on Swin and ConvNeXt: what they are held to on a ViT, on those models
 * that they take.
 *
 * @module
 */

import assert from "node:assert/strict";
import { foldedTensors } from "../../../core/merge.ts";
import { methods, resolveOptions } from "../../../core/methods/mod.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { relativeError } from "../../support/assert_close.ts";
import { shakenBackbone } from "../../support/hierarchical.ts";
import { tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import {
  checkGradients,
  logitsOf,
  perturb,
  plainWith,
  trainSteps,
  withEngine,
} from "./checks.ts";
import { rows } from "./rows.ts";

/** Options where those of a row do not fit. */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  consolidator: { groups: 6 },
  "convnext lora": { rank: 2, targets: "fc1,fc2" },
};

/** Methods whose tensors serve blocks of one width, or a class token. */
const REFUSED = ["arc", "fact-tk", "fact-tt", "vpt-deep", "vpt-shallow"];

for (const model of ["swin", "convnext"] as const) {
  for (const [name, method] of methods) {
    const options = OPTIONS[`${model} ${name}`] ?? OPTIONS[name] ?? {};
    const moved = rows[name][0].moved !== undefined;

    if (REFUSED.includes(name)) {
      Deno.test(`${name} refuses a ${model} and says why`, () => {
        const shape = modelShape(shakenBackbone(model).config);
        assert.throws(() => resolveOptions(method, options, shape), {
          name: "RangeError",
          message: /^Cannot .*: got .*, wanted (one width|a plain vision)/,
        });
      });
      continue;
    }

    Deno.test(`${name} conforms on a ${model}`, () =>
      withEngine(async (engine) => {
        const backbone = shakenBackbone(model);
        using adapted = tinyModel(engine, name, options, backbone);
        const all = await adapted.read(adapted.slots.keys());
        using plain = plainWith(engine, all, backbone);
        const start = await logitsOf(plain);
        // Adding a branch's zeros by itself rounds once more.
        const apart = relativeError(await logitsOf(adapted), start);
        assert.equal(apart > TOLERANCE.kernel, moved, `starts off by ${apart}`);

        const frozen = await adapted.read(adapted.frozen.slots.keys());
        const before = await adapted.read();
        await trainSteps(adapted, 3);
        const after = await adapted.read();
        assert.deepEqual(
          await adapted.read(adapted.frozen.slots.keys()),
          frozen,
        );
        for (const [tensor, values] of before) {
          assert.notDeepEqual(after.get(tensor), values, `${tensor} stayed`);
        }

        if (!method.merge) return;
        await perturb(adapted);
        const unmerged = await logitsOf(adapted);
        const folded = await foldedTensors(adapted);
        using merged = plainWith(engine, folded, backbone);
        const error = relativeError(await logitsOf(merged), unmerged);
        assert.ok(error <= TOLERANCE.merged, `merged differs by ${error}`);
        assert.ok(relativeError(start, unmerged) > 100 * TOLERANCE.merged);
      }));

    Deno.test(`${name} has the gradients of differences on a ${model}`, () =>
      checkGradients(name, options, shakenBackbone(model)));
  }
}

for (const name of ["alore", "repadapter"]) {
  Deno.test(`${name} says that a ConvNeXt has no attention`, () => {
    const method = methods.get(name)!;
    const shape = modelShape(shakenBackbone("convnext").config);
    assert.throws(() => resolveOptions(method, { place: "attn" }, shape), {
      name: "RangeError",
      message: /^Cannot place the .*: got place attn and a model without /,
      hint: /--place mlp/,
    });
    const site = (place: string) =>
      method.tensors(resolveOptions(method, { place }, shape), shape)
        .map((tensor) => tensor.name);
    assert.deepEqual(site("both"), site("mlp"));
  });
}

Deno.test("alore folds wherever it stands in a Swin", () =>
  withEngine(async (engine) => {
    const backbone = shakenBackbone("swin");
    for (const place of ["attn", "mlp", "after"]) {
      const options = { place, experts: 2, rank: 2, scale: 0.5 };
      using adapted = tinyModel(engine, "alore", options, backbone);
      await perturb(adapted);
      const folded = await foldedTensors(adapted);
      using merged = plainWith(engine, folded, backbone);
      const unmerged = await logitsOf(adapted);
      const error = relativeError(await logitsOf(merged), unmerged);
      assert.ok(error <= TOLERANCE.merged, `${place} differs by ${error}`);
    }
  }));
