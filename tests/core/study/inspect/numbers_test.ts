/**
 * The numbers of the inspection against a pass that forms every matrix.
 *
 * @module
 */

import assert from "node:assert/strict";
import { classAttention } from "../../../../core/study/inspect/attention_maps.ts";
import {
  type AdapterTensors,
  contributions,
  expertCosines,
  mapSimilarity,
  meanOffDiagonal,
} from "../../../../core/study/inspect/experts.ts";
import { readInternals } from "../../../../core/study/inspect/internals.ts";
import type { VitConfig } from "../../../../core/models/vit.ts";
import { RandomStream } from "../../../../core/rng.ts";
import { Batches } from "../../../../core/train/batches.ts";
import type { Engine } from "../../../../kernels/engine.ts";
import { assertClose } from "../../../support/assert_close.ts";
import { type TestEngine, testEngines } from "../../../support/engines.ts";
import { openReferenceEngine } from "../../../support/reference_engine.ts";
import { tinyBackbone, tinyDataset, tinyModel } from "../../../support/tiny.ts";
import { TOLERANCE } from "../../../support/tolerance.ts";
import { deltas, type Naive, naivePass } from "./naive.ts";

const OPTIONS = { experts: 4, rank: 2, scale: 0.5 };
const IMAGES = 6;

/** A model whose adapters do something, and what is found in it. */
async function inspected(engine: Engine) {
  using model = tinyModel(engine, "alore", OPTIONS);
  const random = new RandomStream(5, "adapters");
  for (const [name, values] of await model.read()) {
    if (!name.startsWith("adapter.")) continue;
    model.write(name, values.map(() => random.next() - 0.5));
  }
  const dataset = tinyDataset();
  const test = dataset.splits.get("test")!;
  const split = {
    ...test,
    count: IMAGES,
    labels: test.labels.slice(0, IMAGES),
  };
  const { preprocess } = tinyBackbone();
  const internals = await readInternals(model, split, preprocess);
  const tensors = await model.read([...model.slots.keys()]);
  const batches = new Batches(split, {
    batchSize: IMAGES,
    imageSize: dataset.imageSize,
    preprocess,
    seed: 0,
  });
  const batch = batches.allocate();
  batches.fill(batch, 0);
  const tensor = (name: string) => tensors.get(name)!;
  const pixels = batch.images.length / IMAGES;
  const naive = Array.from({ length: IMAGES }, (_, i): Naive =>
    naivePass(
      model.spec.config as VitConfig,
      tensor,
      batch.images.subarray(i * pixels, (i + 1) * pixels),
      { ...OPTIONS, s: OPTIONS.scale },
    ));
  return { internals, naive, tensor };
}

const adapterOf = (
  tensor: (name: string) => Float32Array,
  site: string,
): AdapterTensors => ({
  down: tensor(`adapter.${site}.down`),
  up: tensor(`adapter.${site}.up`),
  mix: tensor("adapter.shared.experts.scale"),
  experts: OPTIONS.experts,
  rank: OPTIONS.rank,
  s: OPTIONS.scale,
});

const engines: readonly TestEngine[] = [
  {
    name: "float64",
    ignore: false,
    open: () => Promise.resolve(openReferenceEngine()),
  },
  ...testEngines,
];

for (const { name, ignore, open } of engines) {
  Deno.test({
    name: `readInternals() sees what a naive pass computes [${name}]`,
    ignore,
    fn: async () => {
      const opened = await open();
      const { internals, naive, tensor } = await inspected(opened);
      const tolerance = name === "float64"
        ? TOLERANCE.golden64 // What is kept is rounded to float32.
        : TOLERANCE.logits;
      assertClose(
        internals.logits,
        naive.flatMap(({ logits }) => logits),
        tolerance,
        "logits",
      );
      internals.attentions.forEach((attention, block) =>
        assertClose(
          classAttention(attention),
          naive.flatMap((one) => one.attention[block].flat()),
          tolerance,
          `attention of block ${block}`,
        )
      );
      const sites = internals.adapters.map((adapter) => adapter.name);
      assert.deepEqual(sites, [
        "blocks.0.attn",
        "blocks.0.mlp",
        "blocks.1.attn",
        "blocks.1.mlp",
      ]);
      internals.adapters.forEach((adapter, i) => {
        const { added, entering } = contributions(
          adapter,
          adapterOf(tensor, adapter.name),
        );
        // After the last attention only the class token goes on.
        const seen = adapter.tokens;
        assert.equal(seen, i === 3 ? 1 : 5);
        assertClose(
          added,
          naive.flatMap((one) =>
            one.added[i].flatMap((row) => row.slice(0, seen))
          ),
          tolerance,
          `contributions at ${adapter.name}`,
        );
        assertClose(
          entering,
          naive.flatMap((one) => one.entering[i].slice(0, seen)),
          tolerance,
          `tokens at ${adapter.name}`,
        );
      });
      opened.close();
    },
  });
}

Deno.test("expertCosines() are those of the dense matrices", async () => {
  const { tensor } = await inspected(openReferenceEngine());
  for (const site of ["blocks.0.attn", "blocks.1.mlp"]) {
    const dense = deltas(tensor, site, OPTIONS).map((delta) => delta.flat());
    const dot = (a: number[], b: number[]) =>
      a.reduce((sum, v, i) => sum + v * b[i], 0);
    const wanted = dense.map((a) =>
      dense.map((b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))
    );
    const { delta, mix, product } = expertCosines(adapterOf(tensor, site));
    assertClose(delta.flat(), wanted.flat(), TOLERANCE.denseMethod, site);
    assert.ok(delta.every((row, e) => Math.abs(row[e] - 1) < 1e-12));
    assert.equal(delta[0][1], mix[0][1] * product[0][1]);
    assert.ok(Math.abs(meanOffDiagonal(delta)) < 0.5);
  }
});

Deno.test("meanOffDiagonal() leaves the diagonal out", () => {
  assert.equal(meanOffDiagonal([[1, 0.5], [-0.25, 1]]), 0.125);
  assert.equal(meanOffDiagonal([[1, 0.5], [-0.5, 1]], Math.abs), 0.5);
  assert.ok(Number.isNaN(meanOffDiagonal([[1]])));
});

Deno.test("mapSimilarity() tells places apart where cosines hide them", () => {
  const { cosine, correlation } = mapSimilarity([
    [1, 1.1, 1],
    [1, 0.9, 1],
  ]);
  assert.ok(cosine[0][1] > 0.99);
  assert.ok(correlation[0][1] < -0.99);
});

Deno.test("readInternals() finds no adapters where there are none", async () => {
  using model = tinyModel(openReferenceEngine(), "lora");
  const split = tinyDataset().splits.get("test")!;
  const found = await readInternals(model, split, tinyBackbone().preprocess);
  assert.deepEqual([found.adapters.length, found.attentions.length], [0, 2]);
  assert.equal(found.images, split.count);
});
