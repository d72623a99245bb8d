import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { canonicalJson, identityOf } from "../../../core/study/identity.ts";
import { type Grid, gridOfCell } from "../../../core/study/grid.ts";
import type { Sources } from "../../../core/study/sources.ts";
import { planStudy } from "../../../core/study/study_plan.ts";
import type { RunConfig } from "../../../core/train/run_config.ts";
import { inFolder } from "../../support/folder.ts";
import {
  SMALL,
  smallSources,
  writeSmallFiles,
} from "../../support/small_run.ts";

Deno.test("canonicalJson() does not depend on the order of fields", () => {
  assert.equal(
    canonicalJson({ b: [1, { d: 2, c: 3 }], a: null }),
    '{"a":null,"b":[1,{"c":3,"d":2}]}',
  );
});

/** The configuration of a small run. */
async function smallConfig(folder: string) {
  await writeSmallFiles(folder);
  const sources: Sources = smallSources();
  const { runs: [run] } = await planStudy([{
    data: [`${folder}/data.safetensors`],
    backbone: [`${folder}/small.safetensors`],
  }], sources);
  return run;
}

Deno.test("identityOf() is twelve digits that the same options give again", () =>
  inFolder(async (folder) => {
    const { config, hash } = await smallConfig(folder);
    assert.match(hash, /^[0-9a-f]{12}$/);
    const { experts, rank, ...rest } = config.options;
    const options = { ...rest, rank, experts };
    assert.equal(await identityOf({ ...config, options }), hash);
  }));

Deno.test("identityOf() keeps the identities of finished studies", async () => {
  const hash = await identityOf({
    format: "alore-run",
    version: 1,
    alore: "0.1.0",
    method: "alore",
    options: { experts: 4, rank: 4, place: "both", scale: 1 },
    settings: {
      epochs: 20,
      batchSize: 64,
      lr: 1e-3,
      minLr: 1e-5,
      warmupEpochs: 1,
      weightDecay: 1e-4,
      betas: [0.9, 0.999],
      eps: 1e-8,
      clip: 0,
      smoothing: 0,
      dropPath: 0,
      seed: 0,
      augment: noAugment,
    },
    model: SMALL,
    preprocess: { mean: [0, 0, 0], std: [1, 1, 1] },
    backbone: { source: "small.safetensors", hash: "0".repeat(64) },
    data: {
      source: "data.safetensors",
      hash: "1".repeat(64),
      name: "colours",
      resize: { filter: "bicubic", size: 16, fit: "stretch" },
    },
    classes: ["blue", "green", "red"],
    engine: "",
  });
  assert.equal(hash, "6f928031a9ce");
});

Deno.test("identityOf() has the precision only where it is f16", () =>
  inFolder(async (folder) => {
    const { config, hash, cell } = await smallConfig(folder);
    const hashes = async (grid: Grid) => {
      const grids = [{ ...gridOfCell(cell), ...grid }];
      const { runs } = await planStudy(grids, smallSources());
      return runs.map((run) => run.hash);
    };
    assert.equal("precision" in config, false);
    assert.deepEqual(await hashes({}), [hash]);
    assert.deepEqual(await hashes({ precision: ["f32"] }), [hash]);
    const [first, second] = await hashes({ precision: ["f32", "f16"] });
    assert.equal(first, hash);
    const half: RunConfig = { ...config, precision: "f16" };
    assert.equal(second, await identityOf(half));
    assert.notEqual(second, hash);
  }));

Deno.test("identityOf() leaves out paths, engine and version", () =>
  inFolder(async (folder) => {
    const { config, hash } = await smallConfig(folder);
    const moved = {
      ...config,
      alore: "9.9.9",
      engine: "another",
      data: { ...config.data, source: "elsewhere", name: "other" },
      backbone: { ...config.backbone, source: "elsewhere" },
    };
    assert.equal(await identityOf(moved), hash);
  }));

Deno.test("identityOf() tells apart everything that decides the result", () =>
  inFolder(async (folder) => {
    const { config, hash } = await smallConfig(folder);
    const { settings } = config;
    const others = [
      { ...config, method: "full" },
      { ...config, options: { ...config.options, rank: 7 } },
      { ...config, settings: { ...settings, seed: 1 } },
      { ...config, settings: { ...settings, lr: 0.5 } },
      {
        ...config,
        settings: { ...settings, augment: { ...settings.augment, hflip: 0.5 } },
      },
      { ...config, data: { ...config.data, hash: "x" } },
      { ...config, backbone: { ...config.backbone, hash: "x" } },
      { ...config, classes: ["a", "b", "c"] },
    ];
    const hashes = await Promise.all(others.map(identityOf));
    assert.equal(new Set([hash, ...hashes]).size, others.length + 1);
  }));
