import assert from "node:assert/strict";
import { type Backbone, readBackbone } from "../../../core/models/backbone.ts";
import { executeRun } from "../../../core/study/execute_run.ts";
import { Sources } from "../../../core/study/sources.ts";
import { StudyDirectory } from "../../../core/study/study_directory.ts";
import { planStudy } from "../../../core/study/study_plan.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import type { Engine } from "../../../kernels/engine.ts";

import { inFolder } from "../../support/folder.ts";
import { writeSmallFiles } from "../../support/small_run.ts";
import { tinyBackbone } from "../../support/tiny.ts";

Deno.test("the runs of a study read and upload their backbone once", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const engine = await openCpuEngine({ threads: 1 });
    const uploads: string[] = [];
    const counted: Engine = {
      ...engine,
      limits: engine.limits,
      compile: (plan) => engine.compile(plan),
      allocate(size, label) {
        if (label === "backbone") uploads.push(label);
        return engine.allocate(size, label);
      },
    };
    const reads: string[] = [];
    const sources = new Sources({
      open(path) {
        reads.push(path);
        return readBackbone(path);
      },
      seeded: () => false,
    });
    const backbone = `${folder}/small.safetensors`;
    try {
      const { runs } = await planStudy([{
        data: [`${folder}/data.safetensors`],
        backbone: [backbone],
        method: ["alore", "lora"],
        rank: [1, 2],
        epochs: [1],
        "batch-size": [8],
      }], sources);
      const study = new StudyDirectory(`${folder}/study`);
      await study.create();
      for (const run of runs) {
        const request = { engine: counted, study, run, sources };
        assert.equal((await executeRun(request)).kind, "done");
      }
      assert.equal(runs.length, 4);
      assert.deepEqual([reads, uploads], [[backbone], ["backbone"]]);
    } finally {
      sources.close();
      engine.close();
    }
  }));

Deno.test("Sources reads random weights again for another seed", async () => {
  const seeds: number[] = [];
  const sources = new Sources({
    open(_source, seed): Promise<Backbone> {
      seeds.push(seed);
      return Promise.resolve(tinyBackbone());
    },
    seeded: (source) => source.startsWith("scratch:"),
  });
  for (const seed of [0, 0, 1]) await sources.backbone("scratch:tiny", seed);
  for (const seed of [2, 3]) await sources.backbone("file", seed);
  assert.deepEqual(seeds, [0, 1, 2]);
  sources.close();
});
