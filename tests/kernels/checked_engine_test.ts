import assert from "node:assert/strict";
import { CheckBudget } from "../../kernels/check_budget.ts";
import { CheckedEngine } from "../../kernels/checked_engine.ts";
import { openCpuEngine } from "../../kernels/cpu/engine.ts";
import type { Engine } from "../../kernels/engine.ts";
import { kernelChecks } from "../../kernels/kernel_checks.ts";
import { everyUse, familyUses, useKey } from "../../kernels/kernel_use.ts";
import { checkedPath, withCache } from "../support/cache.ts";
import { type KernelUse, onePlan } from "./cpu/one_kernel.ts";

/** A device that the CPU engine plays. */
interface Device {
  readonly engine: Engine;
  /** The kernels of each plan that was compiled. */
  readonly compiled: string[][];
}

/** Its results of some kernels are wrong. */
async function device(wrong: readonly string[] = []): Promise<Device> {
  const cpu = await openCpuEngine({ threads: 0, blas: "off" });
  const compiled: string[][] = [];
  const engine: Engine = {
    name: "webgpu",
    description: "a test's device",
    limits: cpu.limits,
    allocate: (bytes, label) => cpu.allocate(bytes, label),
    async compile(plan) {
      compiled.push(plan.calls.map(({ kernel }) => kernel));
      const program = await cpu.compile(plan);
      return {
        async run(inputs) {
          const results = await program.run(inputs);
          for (const [name, numbers] of Object.entries(results)) {
            if (wrong.includes(name.split(" ")[0])) numbers[0] += 1;
          }
          return results;
        },
        close: () => program.close(),
      };
    },
    close: () => cpu.close(),
  };
  return { engine, compiled };
}

interface Opening {
  readonly milliseconds?: number;
  readonly now?: () => number;
  readonly anew?: boolean;
}

function open(
  { engine }: Device,
  { anew = false, ...budget }: Opening,
): Promise<Engine> {
  const report = {
    description: engine.description,
    id: engine.description,
    software: true,
    subgroups: false,
    limits: {},
    features: [],
  };
  return CheckedEngine.open(engine, report, {
    anew,
    budget: new CheckBudget(budget),
  });
}

async function remembered(): Promise<string[]> {
  try {
    const text = await Deno.readTextFile(checkedPath());
    const devices: Record<string, object>[] = Object.values(JSON.parse(text));
    return devices.flatMap((uses) => Object.keys(uses));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

const families = familyUses().map(({ kernel }) => kernel);

const crossEntropy: KernelUse = {
  kernel: "cross_entropy",
  attributes: { batch: 1, classes: 3, smoothing: 0 },
  inputs: [new Float32Array(3), new Int32Array(1)],
  outputs: [1, 1],
};

const copy: KernelUse = {
  kernel: "copy",
  attributes: { count: 6 },
  inputs: [new Float32Array(6)],
  outputs: [6],
};

Deno.test("CheckedEngine.open() tries nothing where no time is given", () =>
  withCache(async () => {
    const tried = await device(families);
    (await open(tried, { milliseconds: 0 })).close();
    assert.deepEqual(tried.compiled, []);
    assert.deepEqual(await remembered(), []);
  }));

Deno.test("CheckedEngine.open() tries each family where time has no end", () =>
  withCache(async () => {
    const tried = await device();
    (await open(tried, { milliseconds: Infinity })).close();
    assert.deepEqual(
      tried.compiled.map((plan) => [...new Set(plan)]),
      families.map((kernel) => [kernel]),
    );
    assert.deepEqual(await remembered(), families);
  }));

Deno.test("CheckedEngine remembers what it tried, and that alone", () =>
  withCache(async () => {
    // The second family is computed for so long that the third is left.
    let now = 0;
    const takes = [10, 60];
    const { engine: quick, compiled } = await device();
    const computed = () => {
      now += takes.shift() ?? 0;
      return Promise.resolve();
    };
    const engine = await open(
      { engine: { ...quick, computed }, compiled },
      { milliseconds: 100, now: () => now },
    );
    assert.deepEqual(await remembered(), families.slice(0, 2));
    try {
      await engine.compile(onePlan(copy));
      assert.deepEqual(await remembered(), [...families.slice(0, 2), "copy"]);
    } finally {
      engine.close();
    }
  }));

Deno.test("CheckedEngine.open() leaves a device that is known to its plans", () =>
  withCache(async () => {
    const first = await open(await device(), { milliseconds: 0 });
    await first.compile(onePlan(copy));
    first.close();
    const known = await device();
    const engine = await open(known, { milliseconds: Infinity });
    try {
      assert.deepEqual(known.compiled, []);
      await engine.compile(onePlan(copy));
      assert.deepEqual(known.compiled, [["copy"]]);
      await engine.compile(onePlan(crossEntropy));
      assert.deepEqual(
        known.compiled.slice(1),
        [["cross_entropy"], ["cross_entropy"]],
      );
    } finally {
      engine.close();
    }
  }));

Deno.test("CheckedEngine.open() tries everything anew, without a budget", () =>
  withCache(async () => {
    const uses = everyUse().map(useKey).sort();
    for (let time = 0; time < 2; time++) {
      const tried = await device();
      (await open(tried, { milliseconds: 0, anew: true })).close();
      assert.deepEqual([...new Set(tried.compiled.flat())].sort(), uses);
      assert.deepEqual((await remembered()).sort(), uses);
    }
  }));

Deno.test("CheckedEngine.open() names each family that is wrong", () =>
  withCache(async () => {
    await assert.rejects(
      open(await device(["gelu", "cross_entropy"]), { milliseconds: Infinity }),
      /Cannot trust .*: elementwise \(gelu is .*, loss and update \(cross_ent/,
    );
    assert.deepEqual(await remembered(), []);
  }));

for (const kernel of families) {
  Deno.test(`Engine.compile() refuses a wrong ${kernel} that had no time`, () =>
    withCache(async () => {
      const faulty = await device([kernel]);
      const engine = await open(faulty, { milliseconds: 0 });
      const plan = { ...onePlan(copy), label: "of the user" };
      const [call] = plan.calls;
      const { attributes } = [...kernelChecks.values()].flat()
        .find((check) => check.kernel === kernel)!;
      const other = { ...call, kernel, attributes };
      try {
        await assert.rejects(
          engine.compile({ ...plan, calls: [call, other] }),
          new RegExp(`wrong numbers .*\\(${kernel} is off by \\d`),
        );
        // The plan itself was not compiled, only the check of its kernels.
        assert.equal(faulty.compiled.length, 1);
        assert.deepEqual(await remembered(), []);
        await engine.compile(plan);
        assert.deepEqual(await remembered(), ["copy"]);
      } finally {
        engine.close();
      }
    }));
}
