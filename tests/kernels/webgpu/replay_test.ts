import assert from "node:assert/strict";
import type {
  Engine,
  HostArray,
  Place,
  Plan,
} from "../../../kernels/engine.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { onePlan } from "../cpu/one_kernel.ts";
import { gpuTest, withHook } from "./adapter.ts";

const open = () => openWebgpuEngine({ allowSoftware: true });

const MIB = 1 << 20;
const WIDTH = 64;

/** total += x, y = total · weights, on a memory that outlives the runs. */
async function accumulator(engine: Engine) {
  const memory = engine.allocate(256 + WIDTH * WIDTH * 4, "state");
  memory.write(new Float32Array(WIDTH * WIDTH).fill(1 / WIDTH), 256);
  const at = (block: number, offset: number, ...shape: number[]): Place => ({
    block,
    offset,
    shape,
    dtype: "f32",
  });
  const [x, sum, y] = [0, 256, 512].map((offset) => at(0, offset, 1, WIDTH));
  const total = at(1, 0, 1, WIDTH);
  const plan: Plan = {
    label: "accumulator",
    arenaBytes: 768,
    memories: [memory],
    calls: [
      {
        kernel: "add",
        inputs: [total, x],
        outputs: [sum],
        attributes: { count: WIDTH, alpha: 1 },
      },
      {
        kernel: "copy",
        inputs: [sum],
        outputs: [total],
        attributes: { count: WIDTH },
      },
      {
        kernel: "matmul",
        inputs: [total, at(1, 256, WIDTH, WIDTH), undefined, undefined],
        outputs: [y, undefined],
        attributes: {
          m: 1,
          n: WIDTH,
          k: WIDTH,
          transA: 0,
          transB: 0,
          alpha: 1,
          activation: 0,
        },
      },
    ],
    inputs: new Map([["x", x]]),
    outputs: new Map([["y", y]]),
  };
  return { memory, plan, program: await engine.compile(plan) };
}

const ones = () => new Float32Array(WIDTH).fill(1);

gpuTest("Program.run() queues runs and returns them in order", async () => {
  const engine = await open();
  const { program, memory } = await accumulator(engine);
  const runs = Array.from({ length: 40 }, () => program.run({ x: ones() }));
  const results = await Promise.all(runs);
  assert.deepEqual(
    results.map(({ y }) => Math.round(y[WIDTH - 1])),
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  const total = new Float32Array(await memory.read(0, 4));
  assert.deepEqual([...total], [40]);
  engine.close();
});

gpuTest("Memory.write() keeps its place among queued runs", async () => {
  const engine = await open();
  const { program, memory } = await accumulator(engine);
  const before = Array.from({ length: 20 }, () => program.run({ x: ones() }));
  const data = new Float32Array(WIDTH).fill(100);
  memory.write(data, 0);
  data.fill(7);
  const after = program.run({ x: ones() });
  const total = memory.read(0, 4);
  const first = (await Promise.all(before)).map(({ y }) => Math.round(y[0]));
  assert.deepEqual(first, Array.from({ length: 20 }, (_, i) => i + 1));
  assert.equal(Math.round((await after).y[0]), 101);
  assert.deepEqual([...new Float32Array(await total)], [101]);
  engine.close();
});

gpuTest(
  "outputs are fresh arrays, right on every slot of the ring",
  async () => {
    const engine = await open();
    const program = await engine.compile(onePlan({
      kernel: "add",
      attributes: { count: 7, alpha: 1 },
      inputs: [new Float32Array(7), new Float32Array(7)],
      outputs: [7],
    }));
    const results = [];
    for (let i = 0; i < 20; i++) {
      results.push(
        await program.run({
          input0: new Float32Array(7).fill(i),
          input1: Float32Array.of(0, 1, 2, 3, 4, 5, 6),
        }),
      );
    }
    for (const [i, { output0 }] of results.entries()) {
      assert.deepEqual([...output0], [0, 1, 2, 3, 4, 5, 6].map((v) => v + i));
    }
    engine.close();
  },
);

gpuTest("Program.run() rejects missing and ill-typed inputs", async () => {
  const engine = await open();
  const { program } = await accumulator(engine);
  const wrong: Record<string, HostArray>[] = [
    {},
    { x: new Float32Array(3) },
    { x: new Int32Array(WIDTH) },
    { x: ones(), z: ones() },
  ];
  for (const inputs of wrong) {
    await assert.rejects(program.run(inputs), TypeError);
  }
  engine.close();
});

gpuTest("two inputs of a call may be the same place", async () => {
  const engine = await open();
  const plan = onePlan({
    kernel: "add",
    attributes: { count: 5, alpha: 3 },
    inputs: [new Float32Array(5), undefined],
    outputs: [5],
  });
  const [call] = plan.calls;
  const twice = { ...call, inputs: [call.inputs[0], call.inputs[0]] };
  const program = await engine.compile({ ...plan, calls: [twice] });
  const input0 = Float32Array.of(1, 2, 3, 4, 5);
  const { output0 } = await program.run({ input0 });
  assert.deepEqual([...output0], [4, 8, 12, 16, 20]);
  engine.close();
});

gpuTest("a kernel leaves the bytes after its output alone", async () => {
  const engine = await open();
  const memory = engine.allocate(256, "tail");
  memory.write(new Float32Array(64).fill(9), 0);
  const x: Place = { block: 0, offset: 0, shape: [5], dtype: "f32" };
  for (const kernel of ["copy", "gelu", "add"]) {
    const program = await engine.compile({
      label: kernel,
      arenaBytes: 512,
      memories: [memory],
      calls: [{
        kernel,
        inputs: kernel === "add" ? [x, { ...x, offset: 256 }] : [x],
        outputs: [{ ...x, block: 1 }],
        attributes: { count: 5, alpha: 1 },
      }],
      inputs: new Map([["x", x]]),
      outputs: new Map(),
    });
    await program.run({ x: new Float32Array(5) });
    const rest = new Float32Array(await memory.read(20, 236));
    assert.ok(rest.every((value) => value === 9), kernel);
  }
  engine.close();
});

gpuTest(
  "nothing but command encoders is made after the first run",
  async () => {
    const engine = await open();
    const { program } = await accumulator(engine);
    await program.run({ x: ones() });
    const made: string[] = [];
    let work = async () => {
      await Promise.all(
        Array.from({ length: 30 }, () => program.run({ x: ones() })),
      );
    };
    for (
      const method of [
        "createBuffer",
        "createBindGroup",
        "createBindGroupLayout",
        "createPipelineLayout",
        "createShaderModule",
        "createComputePipeline",
        "createCommandEncoder",
      ] as const
    ) {
      const inner = work;
      work = () =>
        withHook(GPUDevice.prototype, method, () => made.push(method), inner);
    }
    await work();
    assert.deepEqual(new Set(made), new Set(["createCommandEncoder"]));
    assert.equal(made.length, 30);
    engine.close();
  },
);

gpuTest("200 runs leave memory flat", async () => {
  const engine = await open();
  const count = MIB;
  const plan = onePlan({
    kernel: "add",
    attributes: { count, alpha: 1 },
    inputs: [new Float32Array(count), new Float32Array(count)],
    outputs: [count],
  });
  // A large result would wait in memory until it is collected.
  const [[name, place]] = plan.outputs;
  const program = await engine.compile({
    ...plan,
    outputs: new Map([[name, { ...place, shape: [4] }]]),
  });
  const input0 = new Float32Array(count);
  const input1 = new Float32Array(count);
  const run = async (times: number) => {
    for (let i = 0; i < times; i += 4) {
      await Promise.all(
        Array.from({ length: 4 }, () => program.run({ input0, input1 })),
      );
    }
  };
  await run(60);
  const before = Deno.memoryUsage().rss;
  await run(200);
  const growth = Deno.memoryUsage().rss - before;
  assert.ok(growth < TOLERANCE.leakedBytes, `grew by ${growth} bytes`);
  engine.close();
});

gpuTest("closing programs and memories gives their memory back", async () => {
  const engine = await open();
  // Made once: what a cycle leaves behind would wait for V8.
  const [weights, zeros] = [4 * MIB, MIB].map((n) => new Float32Array(n));
  const cycle = async () => {
    const memory = engine.allocate(16 * MIB, "weights");
    memory.write(weights, 0);
    const plan = onePlan({
      kernel: "add",
      attributes: { count: MIB, alpha: 1 },
      inputs: [zeros, zeros],
      outputs: [undefined, MIB],
    });
    const calls = plan.calls.map((call) => ({
      ...call,
      outputs: [call.outputs[1]],
    }));
    const program = await engine.compile({
      ...plan,
      calls,
      memories: [memory],
      outputs: new Map(),
    });
    await program.run({ input0: zeros, input1: zeros });
    program.close();
    memory.close();
  };
  for (let i = 0; i < 10; i++) await cycle();
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 30; i++) await cycle();
  const growth = Deno.memoryUsage().rss - before;
  assert.ok(growth < TOLERANCE.leakedBytes, `grew by ${growth} bytes`);
  engine.close();
});
