import assert from "node:assert/strict";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import {
  DeviceError,
  type HostArray,
  type Plan,
} from "../../../kernels/engine.ts";
import { type KernelUse, onePlan } from "./one_kernel.ts";

const addUse: KernelUse = {
  kernel: "add",
  attributes: { count: 5, alpha: 2 },
  inputs: [new Float32Array(5), new Float32Array(5)],
  outputs: [5],
};

const feeds = {
  input0: new Float32Array(5),
  input1: new Float32Array(5).fill(1),
};

for (const threads of [0, 2]) {
  Deno.test(`Program.run() queues runs and returns them in order, ${threads} threads`, async () => {
    const engine = await openCpuEngine({ threads });
    const program = await engine.compile(onePlan(addUse));
    const runs = Array.from({ length: 200 }, (_, i) =>
      program.run({
        input0: new Float32Array(5).fill(i),
        input1: new Float32Array(5).fill(1),
      }));
    const settled = await Promise.all(runs);
    for (const [i, { output0 }] of settled.entries()) {
      assert.deepEqual([...output0], Array(5).fill(i + 2));
    }
    engine.close();
  });
}

Deno.test("an engine on the calling thread profiles too", async () => {
  const engine = await openCpuEngine({ threads: 0, blas: "off" });
  assert.match(engine.description, /1 thread/);
  const program = await engine.compile(onePlan(addUse));
  const profile = await program.profile!(feeds);
  assert.equal(profile.calls.length, 1);
  engine.close();
});

Deno.test("Program.run() rejects missing, unknown and ill-typed inputs", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  const program = await engine.compile(onePlan(addUse));
  const right = { input0: new Float32Array(5), input1: new Float32Array(5) };
  const wrong: [Record<string, HostArray>, RegExp][] = [
    [{ input0: right.input0 }, /got no input "input1", wanted f32 \[5\]$/],
    [{ ...right, other: right.input0 }, /got input "other", wanted one of/],
    [{ ...right, input0: new Float32Array(4) }, /got Float32Array of 4 as/],
    [{ ...right, input0: new Int32Array(5) }, /got Int32Array of 5 as/],
  ];
  for (const [inputs, message] of wrong) {
    await assert.rejects(program.run(inputs), { name: "TypeError", message });
  }
  await program.run(right);
  engine.close();
});

Deno.test("outputs are fresh arrays", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  const program = await engine.compile(onePlan(addUse));
  const inputs = {
    input0: new Float32Array(5).fill(1),
    input1: new Float32Array(5),
  };
  const first = await program.run(inputs);
  first.output0.fill(99);
  const second = await program.run(inputs);
  assert.deepEqual([...second.output0], Array(5).fill(1));
  assert.ok(second.output0.buffer instanceof ArrayBuffer);
  engine.close();
});

Deno.test("writes and reads of a memory stay in order with runs", async () => {
  const engine = await openCpuEngine({ threads: 2 });
  const memory = engine.allocate(20, "weights");
  assert.deepEqual(
    new Float32Array(await memory.read(0, 20)),
    new Float32Array(5),
  );
  const plan = onePlan(addUse);
  const place = { block: 1, offset: 0, shape: [5], dtype: "f32" } as const;
  const [call] = plan.calls;
  const program = await engine.compile({
    ...plan,
    inputs: new Map([...plan.inputs].slice(0, 1)),
    memories: [memory],
    calls: [{ ...call, inputs: [call.inputs[0], place] }],
  });
  const data = new Float32Array(5);
  const runs = [];
  for (let i = 0; i < 20; i++) {
    memory.write(data.fill(i), 0);
    runs.push(program.run({ input0: new Float32Array(5) }));
  }
  const last = memory.read(4, 8);
  memory.write(data.fill(-1), 0);
  for (const [i, run] of runs.entries()) {
    assert.deepEqual([...(await run).output0], Array(5).fill(2 * i));
  }
  assert.deepEqual([...new Float32Array(await last)], [19, 19]);
  engine.close();
});

Deno.test("memories refuse what lies outside and use after close", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  const memory = engine.allocate(16, "small");
  assert.throws(() => memory.write(new Float32Array(4), 4), RangeError);
  assert.throws(() => memory.read(8, 16), RangeError);
  memory.close();
  assert.throws(() => memory.write(new Float32Array(1), 0), DeviceError);
  assert.throws(() => engine.allocate(0, "none"), RangeError);
  assert.throws(
    () => engine.allocate(engine.limits.memoryBytes + 1, "huge"),
    RangeError,
  );
  engine.close();
});

Deno.test("compile() names a kernel that it does not have", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  const plan = onePlan({ ...addUse, kernel: "no_such_kernel" });
  await assert.rejects(
    engine.compile(plan),
    (error) =>
      error instanceof DeviceError && error.message.includes("no_such_kernel"),
  );
  engine.close();
});

Deno.test("compile() refuses a memory of another engine", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  const other = await openCpuEngine({ threads: 1 });
  const memories = [other.allocate(256, "foreign")];
  const plan: Plan = { ...onePlan(addUse), memories };
  await assert.rejects(engine.compile(plan), TypeError);
  engine.close();
  other.close();
});

Deno.test("a kernel that traps is named, and the engine goes on", async () => {
  for (const threads of [0, 1, 3]) {
    const engine = await openCpuEngine({ threads });
    const good = await engine.compile(onePlan(addUse));
    // A count far beyond the memory makes the kernel read out of bounds.
    const attributes = { count: 2 ** 30, alpha: 1 };
    const bad = await engine.compile(onePlan({ ...addUse, attributes }));
    for (let repeat = 0; repeat < 3; repeat++) {
      await assert.rejects(
        bad.run(feeds),
        (error) =>
          error instanceof DeviceError && error.message.includes('"add"') &&
          error.message.includes("out of bounds"),
      );
    }
    const { output0 } = await good.run(feeds);
    assert.deepEqual([...output0], Array(5).fill(2));
    engine.close();
  }
});

Deno.test("close() rejects runs in progress and whatever comes after", async () => {
  const engine = await openCpuEngine({ threads: 2 });
  const program = await engine.compile(onePlan(addUse));
  const runs = [program.run(feeds), program.run(feeds)];
  engine.close();
  for (const run of runs) await assert.rejects(run, DeviceError);
  await assert.rejects(program.run(feeds), DeviceError);
  await assert.rejects(engine.compile(onePlan(addUse)), DeviceError);
  assert.throws(() => engine.allocate(4, "late"), DeviceError);
});

Deno.test("a closed program gives its arena back", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  const plan: Plan = { ...onePlan(addUse), arenaBytes: 2 ** 30 };
  for (let repeat = 0; repeat < 6; repeat++) {
    const program = await engine.compile(plan);
    program.close();
    await assert.rejects(program.run(feeds), DeviceError);
  }
  engine.close();
});

Deno.test("openCpuEngine() refuses odd numbers of threads", async () => {
  for (const threads of [-1, 1.5, 257, NaN]) {
    await assert.rejects(openCpuEngine({ threads }), RangeError);
  }
});

Deno.test("a forgotten engine needs no permission and keeps no process alive", async () => {
  const url = new URL("../../../kernels/cpu/engine.ts", import.meta.url);
  const script = `
    import { openCpuEngine } from ${JSON.stringify(url.href)};
    const engine = await openCpuEngine({ threads: 2 });
    console.log(engine.description);`;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-"],
    stdin: "piped",
    stdout: "piped",
    signal: AbortSignal.timeout(60_000),
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout } = await child.output();
  assert.equal(code, 0);
  assert.match(
    new TextDecoder().decode(stdout),
    /^cpu engine, 2 threads, WASM/,
  );
});
