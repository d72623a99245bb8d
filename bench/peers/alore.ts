/**
 * Our own side of the comparison; see compare/protocol.ts.
 *
 * @module
 */

import { parseArgs } from "node:util";
import process from "node:process";
import { noAugment } from "../../core/data/augment.ts";
import { findMethod, resolveOptions } from "../../core/methods/mod.ts";
import type { AdaptedModel } from "../../core/models/adapted_model.ts";
import { modelShape } from "../../core/models/architectures.ts";
import { scratchBackbone } from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import { defaultSettings } from "../../core/train/settings.ts";
import { openStepper } from "../../core/train/stepper.ts";
import { randomBatch } from "../../cli/measure.ts";
import type { Engine } from "../../kernels/engine.ts";
import { measureGemmRate } from "../../kernels/gemm_rate.ts";
import { openEngine } from "../../kernels/open_engine.ts";
import { type Reply, type Request, serve } from "../compare/protocol.ts";
import type { Work } from "../compare/works.ts";

/** A compiled work. */
interface Open {
  /** Runs in flight, as training and evaluation keep them. */
  readonly depth: number;
  run(): Promise<unknown>;
  close(): void;
}

const { values } = parseArgs({
  options: {
    device: { type: "string", default: "cpu" },
    blas: { type: "string", default: "auto" },
    threads: { type: "string" },
  },
});

function modelOf(engine: Engine, { kind, model }: Work): AdaptedModel {
  // A plain model for inference, as after merging.
  const method = findMethod(
    { inference: "linear", peft: "alore", full: "full" }[kind],
  );
  const given = kind === "peft" ? { experts: 4, rank: 4 } : {};
  return buildModel({
    engine,
    backbone: scratchBackbone("comparison", model, 0),
    method,
    options: resolveOptions(method, given, modelShape(model)),
    classes: model.classes,
    seed: 0,
  });
}

/** @param built Called when the model stands and nothing is compiled yet. */
async function open(
  engine: Engine,
  work: Work,
  built: () => void,
): Promise<Open> {
  const model = modelOf(engine, work);
  const batch = randomBatch(model, work.batch);
  built();
  if (work.kind === "inference") {
    const program = await engine.compile(model.forwardPlan(work.batch));
    return {
      depth: 2,
      run: () => program.run({ images: batch.images }),
      close() {
        program.close();
        model.close();
      },
    };
  }
  const settings = {
    ...defaultSettings,
    augment: noAugment,
    batchSize: work.batch,
  };
  const stepper = await openStepper(model, settings, 1);
  let step = 0;
  return {
    get depth() {
      return stepper.depth;
    },
    run: () => stepper.run(batch, step++),
    close() {
      stepper.close();
      model.close();
    },
  };
}

async function seconds(opened: Open, steps: number): Promise<number> {
  const started = performance.now();
  const running: Promise<unknown>[] = [];
  for (let step = 0; step < steps; step++) {
    while (running.length >= opened.depth) await running.shift();
    running.push(opened.run());
  }
  await Promise.all(running);
  return (performance.now() - started) / 1000;
}

const engine = await openEngine(values.device === "webgpu" ? "webgpu" : "cpu", {
  threads: values.threads ? Number(values.threads) : undefined,
  blas: values.blas,
  check: "never",
});
let opened: Open | undefined;

async function handle(request: Request): Promise<Reply> {
  let [started, firstSeconds] = [0, 0];
  switch (request.do) {
    case "open":
      opened?.close();
      opened = await open(engine, request.work, () => {
        started = performance.now();
      });
      await seconds(opened, 1);
      firstSeconds = (performance.now() - started) / 1000;
      return { seconds: await seconds(opened, 1), firstSeconds };
    case "run":
      if (!opened) return { error: "nothing is open" };
      return { seconds: await seconds(opened, request.steps) };
    case "gemm": {
      const { median } = await measureGemmRate(engine, request);
      return { gflops: median };
    }
    case "memory":
      return { bytes: 1024 * process.resourceUsage().maxRSS };
    case "close":
      opened?.close();
      opened = undefined;
      return {};
    case "export":
      return { error: "no export" };
  }
}

await serve(`alore, ${engine.description}`, handle);
engine.close();
