import assert from "node:assert/strict";
import { canonicalJson, identityOf } from "../../../core/study/identity.ts";
import type { Sources } from "../../../core/study/sources.ts";
import { planStudy } from "../../../core/study/study_plan.ts";
import { inFolder } from "../../support/folder.ts";
import { smallSources, writeSmallFiles } from "../../support/small_run.ts";

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
