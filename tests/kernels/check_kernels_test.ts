import assert from "node:assert/strict";
import { CheckBudget } from "../../kernels/check_budget.ts";
import {
  checkKernels,
  checkKernelsWithin,
} from "../../kernels/check_kernels.ts";
import { openCpuEngine } from "../../kernels/cpu/engine.ts";
import { DeviceError, type Engine } from "../../kernels/engine.ts";
import { type EngineOptions, openEngine } from "../../kernels/open_engine.ts";
import { openWebgpuEngine } from "../../kernels/webgpu/engine.ts";
import { kernels } from "../../kernels/webgpu/kernels.ts";
import { everyUse, familyUses, plainUse } from "../../kernels/kernel_use.ts";
import { checkedPath, withCache } from "../support/cache.ts";
import { webgpuHalf } from "../support/engines.ts";
import { halfPlan } from "../support/half_case.ts";
import { openReferenceEngine } from "../support/reference_engine.ts";
import { type KernelUse, onePlan } from "./cpu/one_kernel.ts";
import { gpuTest, withHook } from "./webgpu/adapter.ts";

async function checkAgainst(
  engine: Engine,
  reference: Engine,
): Promise<void> {
  try {
    await checkKernels(engine, reference);
  } finally {
    engine.close();
    reference.close();
  }
}

/** On this thread, where its device can be watched. */
const openHere = (options: EngineOptions = {}) =>
  openEngine("webgpu", { ...options, thread: false });

const openCpu = () => openCpuEngine({ threads: 0, blas: "off" });

Deno.test("checkKernels() finds the cpu engine right by the references", () =>
  openCpu().then((cpu) => checkAgainst(cpu, openReferenceEngine())));

Deno.test("checkKernels() finds one NaN before good numbers", async () => {
  const cpu = await openCpu();
  const faulty: Engine = {
    name: cpu.name,
    description: cpu.description,
    limits: cpu.limits,
    allocate: (bytes, label) => cpu.allocate(bytes, label),
    async compile(plan) {
      const program = await cpu.compile(plan);
      return {
        async run(inputs) {
          const results = await program.run(inputs);
          const name = Object.keys(results)
            .find((name) => name.startsWith("column_sum "));
          results[name!][0] = NaN;
          return results;
        },
        close: () => program.close(),
      };
    },
    close: () => cpu.close(),
  };
  await assert.rejects(
    checkAgainst(faulty, openReferenceEngine()),
    /column_sum is off by Infinity/,
  );
});

for (const treatAsSoftware of [true, false]) {
  const kind = treatAsSoftware ? "software" : "hardware";
  gpuTest(`checkKernels() finds WebGPU right, as on ${kind}`, async () => {
    const engine = await openWebgpuEngine({
      allowSoftware: true,
      treatAsSoftware,
    });
    await checkAgainst(engine, await openCpu());
  });
}

gpuTest("checkKernelsWithin() finds each family of WebGPU right", async () => {
  const engine = await openWebgpuEngine({ allowSoftware: true });
  const cpu = await openCpu();
  const budget = new CheckBudget({ milliseconds: Infinity });
  const uses = familyUses();
  try {
    const tried = await checkKernelsWithin(budget, engine, cpu, uses);
    assert.deepEqual(tried, uses);
  } finally {
    engine.close();
    cpu.close();
  }
});

/** Runs work while one shader computes something else. */
function withWrong(
  label: string,
  [right, wrong]: readonly [string, string],
  work: () => Promise<void>,
): Promise<void> {
  let found = 0;
  return withHook(GPUDevice.prototype, "createShaderModule", (_, args) => {
    const [module] = args as [GPUShaderModuleDescriptor];
    const names = [label, `${label}, a row an invocation`];
    if (!names.includes(module.label ?? "")) return;
    assert.ok(module.code.includes(right), module.code);
    found++;
    args[0] = { ...module, code: module.code.replace(right, wrong) };
  }, work).then(() => assert.ok(found > 0));
}

/** Says how many pipelines some work took. */
async function pipelinesIn(work: () => Promise<unknown>): Promise<number> {
  let made = 0;
  await withHook(
    GPUDevice.prototype,
    "createComputePipeline",
    () => made++,
    async () => {
      await work();
    },
  );
  return made;
}

/** Opens WebGPU and says how many pipelines that took. */
function pipelinesOf(options: EngineOptions = {}): Promise<number> {
  return pipelinesIn(async () => (await openHere(options)).close());
}

/** Compiles a plan of one call on a new engine; how many pipelines it took. */
async function pipelinesFor(
  use: KernelUse,
  options: EngineOptions = {},
): Promise<number> {
  const engine = await openHere(options);
  try {
    return await pipelinesIn(() => engine.compile(onePlan(use)));
  } finally {
    engine.close();
  }
}

const scaleRows: KernelUse = {
  kernel: "scale_rows",
  attributes: { rows: 2, width: 3 },
  inputs: [new Float32Array(6), new Float32Array(2), new Float32Array(6)],
  outputs: [6],
};

gpuTest(
  "openEngine() tries a new device once and remembers it",
  () =>
    withCache(async () => {
      const made = await pipelinesOf();
      assert.ok(made >= 1 && made < kernels.size, `${made}`);
      assert.equal(await pipelinesOf(), 0);
      assert.ok(await pipelinesOf({ check: "always" }) >= kernels.size);
      assert.equal(await pipelinesOf({ check: "never" }), 0);
    }),
);

gpuTest(
  "Engine.compile() tries kernels that were not tried before",
  () =>
    withCache(async () => {
      const alone = await pipelinesFor(scaleRows, { check: "never" });
      assert.equal(alone, 1);
      const first = await pipelinesFor(scaleRows);
      const again = await pipelinesFor(scaleRows);
      assert.ok(first > again, `${first} and then ${again}`);
      assert.equal(again, alone);
    }),
);

gpuTest(
  "Engine.compile() refuses a kernel that computes wrong numbers",
  () =>
    withCache(async () => {
      await openHere().then((engine) => engine.close());
      await withWrong("scale_rows", ["x[", "2.0 * x["], async () => {
        const engine = await openHere();
        try {
          await assert.rejects(
            engine.compile(onePlan(scaleRows)),
            /Cannot trust the device .*: elementwise \(scale_rows is off by \d/,
          );
          await engine.compile(onePlan({
            ...scaleRows,
            kernel: "copy",
            attributes: { count: 6 },
            inputs: [new Float32Array(6)],
          }));
        } finally {
          engine.close();
        }
      });
      assert.ok(await pipelinesFor(scaleRows) > 0);
    }),
);

Deno.test({
  name: "Engine.compile() tries what is stored as f16 by itself",
  ignore: webgpuHalf.ignore,
  fn: () =>
    withCache(async () => {
      await pipelinesFor(scaleRows);
      const engine = await openHere({ precision: "f16" });
      const plan = halfPlan(onePlan(scaleRows), engine.half!("scale_rows"));
      const compile = () => engine.compile(plan);
      const label = "scale_rows, f16 x and residual and y";
      try {
        await withWrong(label, ["x[", "2.0h * x["], () =>
          assert.rejects(
            compile(),
            /elementwise \(scale_rows, stored as f16, is off by \d/,
          ));
      } finally {
        engine.close();
      }
    }),
});

gpuTest(
  "Engine.compile() tries the attention of long sequences on software adapters",
  () =>
    withCache(async () => {
      const engine = await openHere();
      if (!engine.description.includes("software")) return engine.close();
      const attention = (tokens: number): KernelUse => ({
        kernel: "attention",
        attributes: { batch: 1, tokens, heads: 1, width: 4 },
        inputs: [new Float32Array(tokens * 12)],
        outputs: [tokens * 4],
      });
      try {
        await withWrong(
          "attention",
          ["fn main(", "fn (main"],
          async () => {
            await engine.compile(onePlan(attention(5)));
            await assert.rejects(
              engine.compile(onePlan(attention(2049))),
              /Cannot trust the device .*: Cannot compile kernel attention:/,
            );
          },
        );
      } finally {
        engine.close();
      }
    }),
);

gpuTest(
  "checkKernels() finds the attention of long sequences right",
  async () => {
    const [engine, cpu] = [
      await openWebgpuEngine({ allowSoftware: true, treatAsSoftware: true }),
      await openCpu(),
    ];
    const uses = ["attention", "attention_gradient"]
      .map((kernel) => ({ ...plainUse(kernel), long: true }));
    try {
      const made = await pipelinesIn(() => checkKernels(engine, cpu, uses));
      assert.ok(made >= uses.length);
    } finally {
      engine.close();
      cpu.close();
    }
  },
);

Deno.test({
  name: "checkKernels() finds all kernels right with operands as f16",
  ignore: webgpuHalf.ignore,
  fn: async () => {
    const engine = await openWebgpuEngine({
      allowSoftware: true,
      precision: "f16",
    });
    const cpu = await openCpu();
    const uses = everyUse().map((use) => ({
      ...use,
      half: engine.half!(use.kernel),
    }));
    try {
      await checkKernels(engine, cpu, uses);
    } finally {
      engine.close();
      cpu.close();
    }
  },
});

gpuTest(
  "openEngine() checks again what was checked long ago",
  () =>
    withCache(async () => {
      await pipelinesOf();
      const [[device, uses]] = Object.entries<Record<string, number>>(
        JSON.parse(await Deno.readTextFile(checkedPath())),
      );
      const day = Math.floor(Date.now() / 86_400_000);
      const days = new Map([[day - 30, 0], [day - 31, 1], [day + 1, 1]]);
      for (const [checked, again] of days) {
        const all = Object.keys(uses).map((use) => [use, checked]);
        const text = JSON.stringify({ [device]: Object.fromEntries(all) });
        await Deno.writeTextFile(checkedPath(), text);
        assert.equal(Math.sign(await pipelinesOf()), again, `${checked - day}`);
      }
      // What an earlier version wrote, and half a file.
      for (const text of [JSON.stringify({ [device]: day }), "{"]) {
        await Deno.writeTextFile(checkedPath(), text);
        assert.ok(await pipelinesOf() > 0);
        assert.equal(await pipelinesOf(), 0);
      }
    }),
);

gpuTest(
  "openEngine() refuses a device that computes wrong numbers",
  () =>
    withCache(async () => {
      const { description } = await openWebgpuEngine({ allowSoftware: true })
        .then((engine) => (engine.close(), engine));
      await withWrong(
        "global_norm",
        ["sqrt(whole)", "whole"],
        () =>
          assert.rejects(openHere({ check: "always" }), (error) => {
            assert.ok(error instanceof DeviceError);
            assert.match(
              error.message,
              /wrong numbers .*: loss and update \(global_norm is off by \d/,
            );
            assert.ok(error.message.includes(description), error.message);
            assert.match(
              (error as { hint?: string }).hint ?? "",
              /--device cpu/,
            );
            return true;
          }),
      );
      await assert.rejects(Deno.stat(checkedPath()), Deno.errors.NotFound);
    }),
);

gpuTest(
  "openEngine() refuses a device that refuses a kernel",
  () =>
    withCache(() =>
      withWrong(
        "global_norm",
        ["sqrt(whole)", "square(whole)"],
        () =>
          assert.rejects(
            openHere({ check: "always" }),
            /Cannot trust the device .*: Cannot compile kernel global_norm/,
          ),
      )
    ),
);
