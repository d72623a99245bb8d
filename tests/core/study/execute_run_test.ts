import assert from "node:assert/strict";
import { estimate } from "../../../core/study/estimate.ts";
import {
  executeRun,
  type RunOutcome,
} from "../../../core/study/execute_run.ts";
import type { Grid } from "../../../core/study/grid.ts";
import type { RunResult } from "../../../core/study/run_result.ts";
import type { Sources } from "../../../core/study/sources.ts";
import { StudyDirectory } from "../../../core/study/study_directory.ts";
import { type PlannedRun, planStudy } from "../../../core/study/study_plan.ts";
import { DeviceError, type Engine } from "../../../kernels/engine.ts";
import { openEngine } from "../../../kernels/open_engine.ts";
import { inFolder } from "../../support/folder.ts";
import { smallSources, writeSmallFiles } from "../../support/small_run.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

interface Bench {
  readonly folder: string;
  readonly engine: Engine;
  readonly sources: Sources;
  readonly study: StudyDirectory;
  plan(grid: Grid): Promise<readonly PlannedRun[]>;
  execute(run: PlannedRun, signal?: AbortSignal): Promise<RunOutcome>;
}

/** Works with a study in a folder and an engine of one thread. */
async function onBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const engine = await openEngine("cpu", { threads: 1 });
    const sources = smallSources();
    const study = new StudyDirectory(`${folder}/study`);
    await study.create();
    try {
      await work({
        folder,
        engine,
        sources,
        study,
        async plan(grid) {
          const { runs } = await planStudy([{
            data: [`${folder}/data.safetensors`],
            backbone: [`${folder}/small.safetensors`],
            epochs: [2],
            "batch-size": [8],
            ...grid,
          }], sources);
          return runs;
        },
        execute: (run, signal) =>
          executeRun({ engine, study, run, sources, signal }),
      });
    } finally {
      sources.close();
      engine.close();
    }
  });
}

function resultOf(outcome: RunOutcome): RunResult {
  assert.ok(outcome.kind === "done", JSON.stringify(outcome));
  return outcome.result;
}

Deno.test("executeRun() leaves a result that its files bear out", () =>
  onBench(async ({ plan, execute, study }) => {
    const [run] = await plan({ experts: [2], rank: [2] });
    const result = resultOf(await execute(run));
    assert.equal(result.hash, run.hash);
    assert.equal(result.test.count, 12);
    assert.equal(result.validationTop1.length, 2);
    assert.equal(result.headParameters, 48 * 3 + 3);
    assert.equal(result.parameters, run.parameters);
    assert.ok(result.seconds > 0 && result.imagesPerSecond > 0);
    assert.deepEqual(await study.result(run.hash), result);
    const { labels, predictions } = await study.predictions(run.hash);
    const correct = labels.filter((label, i) => label === predictions[i]);
    assert.equal(correct.length, result.test.correct);
    assert.equal(result.test.top1, result.test.correct / 12);
    assert.deepEqual(await study.status(run.hash), { state: "done" });
    assert.deepEqual(await execute(run), { kind: "skipped" });
  }));

Deno.test("executeRun() tests the best epoch by validation apart", () =>
  onBench(async ({ plan, execute }) => {
    // Easy images: the first epoch is right already, later ones cannot be better.
    const [run] = await plan({ method: ["full"], lr: [0.003], epochs: [4] });
    const { best, validationTop1, test } = resultOf(await execute(run));
    assert.ok(best);
    const highest = Math.max(...validationTop1);
    assert.equal(best.validationTop1, highest);
    assert.equal(best.epoch, validationTop1.indexOf(highest) + 1);
    assert.ok(best.epoch < 4);
    assert.notEqual(best.test.loss, test.loss);
  }));

Deno.test("executeRun() goes on where a signal stopped it, to the same bits", () =>
  onBench(async ({ plan, execute, study }) => {
    const [run] = await plan({ epochs: [12], dropout: [0.1] });
    const adapter = () =>
      Deno.readFile(`${study.runPath(run.hash)}/adapter.safetensors`);
    const whole = resultOf(await execute(run));
    const wanted = await adapter();
    await Deno.remove(study.runPath(run.hash), { recursive: true });

    const controller = new AbortController();
    setTimeout(() => controller.abort(), whole.seconds * 1000 / 3);
    const stopped = await execute(run, controller.signal);
    assert.equal(stopped.kind, "interrupted");
    const { state, epochs = 0 } = await study.status(run.hash);
    assert.equal(state, "interrupted");
    assert.ok(epochs < 12);
    const resumed = resultOf(await execute(run));
    assert.deepEqual(await adapter(), wanted);
    assert.deepEqual(resumed.test, whole.test);
    assert.deepEqual(resumed.best, whole.best);
    assert.deepEqual(resumed.validationTop1, whole.validationTop1);
  }));

Deno.test("executeRun() starts a damaged run again", () =>
  onBench(async ({ plan, execute, study }) => {
    const [run] = await plan({});
    await Deno.mkdir(study.runPath(run.hash));
    resultOf(await execute(run)); // A folder without a config.
    for (const file of ["config.json", "state/state.safetensors"]) {
      await Deno.remove(`${study.runPath(run.hash)}/result.json`);
      await Deno.writeTextFile(`${study.runPath(run.hash)}/${file}`, "{");
      const { validationTop1 } = resultOf(await execute(run));
      assert.equal(validationTop1.length, 2, file);
    }
  }));

Deno.test("executeRun() keeps why a run failed, and tries it again", () =>
  onBench(async ({ plan, execute, study }) => {
    const [run] = await plan({ method: ["full"], lr: [1e30] });
    const outcome = await execute(run);
    assert.equal(outcome.kind, "failed");
    const { state, error } = await study.status(run.hash);
    assert.equal(state, "failed");
    assert.match(error?.message ?? "", /^Cannot go on training: got a loss/);
    assert.match(error?.hint ?? "", /--lr/);
    assert.equal((await execute(run)).kind, "failed");
  }));

Deno.test("executeRun() fails out of memory, and throws if the device is gone", () =>
  onBench(async ({ plan, engine, execute, study }) => {
    const [run] = await plan({});
    const failing = (outOfMemory: boolean) => {
      engine.compile = () =>
        Promise.reject(new DeviceError("as a test asks", { outOfMemory }));
      return execute(run);
    };
    assert.equal((await failing(true)).kind, "failed");
    const hintOfRun = async () => (await study.status(run.hash)).error?.hint;
    assert.match(await hintOfRun() ?? "", /^a smaller --backbone /);
    await assert.rejects(failing(false), DeviceError);
    const hint =
      `continue the study with: deno task alore ablate --out ${study.path}`;
    assert.equal(await hintOfRun(), hint);
  }));

Deno.test("executeRun() leaves a run alone that another process has", () =>
  onBench(async ({ plan, execute, study }) => {
    const [run] = await plan({});
    const lock = await study.lock(run.hash);
    assert.ok(lock);
    assert.deepEqual(await execute(run), { kind: "busy" });
    assert.equal((await study.status(run.hash)).state, "running");
    await lock.release();
    resultOf(await execute(run));
  }));

Deno.test("runs share one backbone on the engine and leave nothing there", () =>
  onBench(async ({ plan, execute, engine }) => {
    const runs = await plan({
      method: ["alore", "full", "linear"],
      experts: [1, 2, 4],
      seed: [0, 1, 2],
    });
    assert.equal(runs.length, 15);
    let open = 0;
    let backbones = 0;
    const allocate = engine.allocate.bind(engine);
    engine.allocate = (bytes, label) => {
      const memory = allocate(bytes, label);
      if (label === "backbone") backbones++;
      open++;
      const close = memory.close.bind(memory);
      memory.close = () => {
        open--;
        close();
      };
      return memory;
    };
    const compile = engine.compile.bind(engine);
    engine.compile = async (made) => {
      const program = await compile(made);
      open++;
      const close = program.close.bind(program);
      program.close = () => {
        open--;
        close();
      };
      return program;
    };
    const resident: number[] = [];
    for (const run of runs) {
      resultOf(await execute(run));
      resident.push(Deno.memoryUsage().rss);
    }
    assert.equal(backbones, 1);
    assert.equal(open, 1); // The backbone's own memory.
    const growth = resident.at(-1)! - resident[4];
    assert.ok(growth < TOLERANCE.leakedBytes, `grew by ${growth} bytes`);
  }));

Deno.test("planStudy() lets runs that mean the same be one", () =>
  onBench(async ({ folder, sources }) => {
    const grid = {
      data: [`${folder}/data.safetensors`],
      backbone: [`${folder}/small.safetensors`],
      method: ["alore", "linear"],
      rank: [2, 4],
    };
    const { runs, duplicates } = await planStudy([
      grid,
      { ...grid, rank: [4, 8], "drop-path": [0] },
    ], sources);
    assert.deepEqual(
      runs.map(({ index, cell }) => [index, cell.method, cell.options.rank]),
      [
        [0, "alore", 2],
        [1, "alore", 4],
        [2, "linear", undefined],
        [3, "alore", 8],
      ],
    );
    assert.equal(duplicates, 2);
  }));

Deno.test("estimate() measures a few steps, or takes finished runs", () =>
  onBench(async ({ plan, execute, engine, sources }) => {
    const runs = await plan({ seed: [0, 1], method: ["alore", "full"] });
    const measured = await estimate(runs, {
      engineOf: () => engine,
      sources,
      results: [],
    });
    assert.deepEqual([measured.from, measured.measured], ["calibration", 2]);
    assert.ok(measured.seconds > 0 && Number.isFinite(measured.seconds));
    const result = resultOf(await execute(runs[0]));
    const { seconds, ...basis } = await estimate([runs[2]], {
      engineOf: () => engine,
      sources,
      results: [result],
    });
    assert.deepEqual(basis, { from: "finished runs", measured: 1 });
    const { imagesPerSecond, testImagesPerSecond } = result;
    const wanted = 60 / imagesPerSecond + (18 + 24) / testImagesPerSecond;
    assert.ok(Math.abs(seconds - wanted) < 1e-9);
  }));
