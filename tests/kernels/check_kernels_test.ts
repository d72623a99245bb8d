import assert from "node:assert/strict";
import { cacheDirectory } from "../../kernels/cache_directory.ts";
import { checkKernels } from "../../kernels/check_kernels.ts";
import { openCpuEngine } from "../../kernels/cpu/engine.ts";
import { DeviceError, type Engine } from "../../kernels/engine.ts";
import { kernelChecks } from "../../kernels/kernel_checks.ts";
import { type EngineOptions, openEngine } from "../../kernels/open_engine.ts";
import { openWebgpuEngine } from "../../kernels/webgpu/engine.ts";
import { kernels } from "../../kernels/webgpu/kernels.ts";
import { inFolder } from "../support/folder.ts";
import { openReferenceEngine } from "../support/reference_engine.ts";
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

const openCpu = () => openCpuEngine({ threads: 1, blas: "off" });

Deno.test("every kernel has a check", () => {
  const names = [...kernelChecks.values()].flat().map(({ kernel }) => kernel);
  assert.deepEqual([...new Set(names)].sort(), [...kernels.keys()].sort());
});

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

/** Runs work while one shader computes something else. */
function withWrong(
  label: string,
  [right, wrong]: readonly [string, string],
  work: () => Promise<void>,
): Promise<void> {
  let found = 0;
  return withHook(GPUDevice.prototype, "createShaderModule", (_, args) => {
    const [module] = args as [GPUShaderModuleDescriptor];
    if (module.label !== label) return;
    assert.ok(module.code.includes(right), module.code);
    found++;
    args[0] = { ...module, code: module.code.replace(right, wrong) };
  }, work).then(() => assert.ok(found > 0));
}

/** Opens WebGPU and says how many pipelines that took. */
async function pipelinesOf(options: EngineOptions = {}): Promise<number> {
  let made = 0;
  await withHook(
    GPUDevice.prototype,
    "createComputePipeline",
    () => made++,
    async () => (await openEngine("webgpu", options)).close(),
  );
  return made;
}

/** Runs work with an empty cache directory. */
async function withCache(work: () => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const before = new Map(
      ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"]
        .map((name) => [name, Deno.env.get(name)]),
    );
    for (const name of before.keys()) Deno.env.set(name, folder);
    try {
      await work();
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) Deno.env.delete(name);
        else Deno.env.set(name, value);
      }
    }
  });
}

const checkedPath = () => `${cacheDirectory()}/checked_devices.json`;

gpuTest(
  "openEngine() checks a device once and remembers it",
  () =>
    withCache(async () => {
      assert.ok(await pipelinesOf() >= kernels.size);
      assert.equal(await pipelinesOf(), 0);
      assert.ok(await pipelinesOf({ check: "always" }) >= kernels.size);
      assert.equal(await pipelinesOf({ check: "never" }), 0);
    }),
);

gpuTest(
  "openEngine() checks again what was checked long ago",
  () =>
    withCache(async () => {
      await pipelinesOf();
      const [key] = Object.keys(
        JSON.parse(await Deno.readTextFile(checkedPath())),
      );
      const day = Math.floor(Date.now() / 86_400_000);
      const days = new Map([[day - 30, 0], [day - 31, 1], [day + 1, 1]]);
      for (const [checked, again] of days) {
        const text = JSON.stringify({ [key]: checked });
        await Deno.writeTextFile(checkedPath(), text);
        assert.equal(Math.sign(await pipelinesOf()), again, `${checked - day}`);
      }
      await Deno.writeTextFile(checkedPath(), "{");
      assert.ok(await pipelinesOf() > 0);
      assert.equal(await pipelinesOf(), 0);
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
        ["sqrt(sums[0])", "sums[0]"],
        () =>
          assert.rejects(openEngine("webgpu"), (error) => {
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
        ["sqrt(sums[0])", "square(sums[0])"],
        () =>
          assert.rejects(
            openEngine("webgpu"),
            /Cannot trust the device .*: Cannot compile kernel global_norm/,
          ),
      )
    ),
);
