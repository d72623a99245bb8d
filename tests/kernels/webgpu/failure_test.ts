import assert from "node:assert/strict";
import { DeviceError, type Place, type Plan } from "../../../kernels/engine.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import type { Kernel, Shader } from "../../../kernels/webgpu/kernel.ts";
import { kernels } from "../../../kernels/webgpu/kernels.ts";
import { type KernelUse, onePlan } from "../cpu/one_kernel.ts";
import { gpuTest, withHook } from "./adapter.ts";

const addUse: KernelUse = {
  kernel: "add",
  attributes: { count: 5, alpha: 2 },
  inputs: [new Float32Array(5), new Float32Array(5)],
  outputs: [5],
};

const five = { input0: new Float32Array(5), input1: new Float32Array(5) };

const open = () => openWebgpuEngine({ allowSoftware: true });

/** The built-in kernels with another shader for copy. */
function withCopyShader(wgsl: string): ReadonlyMap<string, Kernel> {
  const shader: Shader = {
    name: "broken_copy",
    wgsl,
    entry: "main",
    bindings: ["x", "y"],
  };
  const copy: Kernel = {
    name: "copy",
    shaders: [shader],
    lower: (call) => [{
      shader,
      places: [call.inputs[0], call.outputs[0]],
      constants: {},
      grid: [1, 1, 1],
    }],
  };
  return new Map([...kernels, ["copy", copy]]);
}

const copyUse: KernelUse = {
  kernel: "copy",
  attributes: { count: 5 },
  inputs: [new Float32Array(5)],
  outputs: [5],
};

for (
  const [what, wgsl] of [
    ["a syntax error", "@compute fn main( {"],
    [
      "a type error",
      "@compute @workgroup_size(1) fn main() { let x: u32 = 1f; }",
    ],
    ["a missing entry point", "@compute @workgroup_size(1) fn other() {}"],
    [
      "a workgroup that is too large",
      "@compute @workgroup_size(99999) fn main() {}",
    ],
  ]
) {
  gpuTest(`Engine.compile() names the kernel that has ${what}`, async () => {
    const engine = await openWebgpuEngine({
      allowSoftware: true,
      kernels: withCopyShader(wgsl),
    });
    await assert.rejects(engine.compile(onePlan(copyUse)), (error) => {
      assert.ok(error instanceof DeviceError);
      assert.match(error.message, /Cannot compile kernel broken_copy/);
      return true;
    });
    const program = await engine.compile(onePlan(addUse));
    await program.run(five);
    engine.close();
  });
}

gpuTest("Engine.compile() rejects a kernel it does not have", async () => {
  const engine = await open();
  const plan = onePlan({ ...addUse, kernel: "subtract" });
  await assert.rejects(engine.compile(plan), /got kernel subtract/);
  engine.close();
});

gpuTest("an uncaptured error rejects the runs after it", async () => {
  const engine = await open();
  const program = await engine.compile(onePlan(addUse));
  let device: GPUDevice | undefined;
  await withHook(
    GPUDevice.prototype,
    "createCommandEncoder",
    (self) => device = self,
    async () => {
      await program.run(five);
    },
  );
  assert.ok(device);
  device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | 1024 * 64 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  await assert.rejects(program.run(five), DeviceError);
  assert.throws(() => engine.allocate(4, "late"), DeviceError);
  engine.close();
});

gpuTest("a lost device rejects pending and later calls", async () => {
  const engine = await open();
  const memory = engine.allocate(256, "weights");
  const program = await engine.compile(onePlan(addUse));
  let device: GPUDevice | undefined;
  await withHook(
    GPUDevice.prototype,
    "createCommandEncoder",
    (self) => device = self,
    async () => {
      await program.run(five);
    },
  );
  assert.ok(device);
  const pending = Array.from({ length: 12 }, () => program.run(five));
  device.destroy();
  const settled = await Promise.allSettled(pending);
  await device.lost;
  assert.equal(settled.at(-1)?.status, "rejected");
  await assert.rejects(program.run(five), /Cannot go on: the device was lost/);
  await assert.rejects(engine.compile(onePlan(addUse)), DeviceError);
  assert.throws(() => memory.write(new Float32Array(1), 0), DeviceError);
  engine.close();
});

gpuTest("Engine.close() rejects what is pending and what comes", async () => {
  const engine = await open();
  const program = await engine.compile(onePlan(addUse));
  const pending = program.run(five);
  engine.close();
  await assert.rejects(pending, /the engine was closed/);
  await assert.rejects(program.run(five));
  await assert.rejects(engine.compile(onePlan(addUse)), DeviceError);
  engine.close();
});

gpuTest("plans beyond the limits are refused before allocation", async () => {
  const engine = await open();
  const plan = onePlan(addUse);
  const { memoryBytes, tensorBytes } = engine.limits;
  const side = tensorBytes / 4 + 64;
  const place = (offset: number): Place => (
    { block: 0, offset, shape: [side], dtype: "f32" }
  );
  const [first, second] = [place(0), place(4 * side)];
  const wrong: Plan[] = [
    { ...plan, arenaBytes: memoryBytes + 256 },
    { ...plan, arenaBytes: 256 },
    {
      ...plan,
      arenaBytes: 8 * side,
      // What swaps axes has to stay whole.
      calls: [{
        kernel: "transpose",
        inputs: [first],
        outputs: [second],
        attributes: { a: 1, b: side, c: 1 },
      }],
      inputs: new Map(),
      outputs: new Map(),
    },
    { ...plan, arenaBytes: 8 * side, inputs: new Map([["x", first]]) },
  ];
  let buffers = 0;
  await withHook(
    GPUDevice.prototype,
    "createBuffer",
    () => buffers++,
    async () => {
      for (const plan of wrong) {
        await assert.rejects(engine.compile(plan), RangeError);
      }
      assert.throws(
        () => engine.allocate(memoryBytes + 4, "too large"),
        RangeError,
      );
    },
  );
  assert.equal(buffers, 0);
  engine.close();
});

gpuTest("a software adapter is refused unless it is allowed", async () => {
  const engine = await open();
  const software = engine.description.includes("software");
  engine.close();
  const strict = openWebgpuEngine();
  if (software) await assert.rejects(strict, /software adapter/);
  else (await strict).close();
});

Deno.test("openWebgpuEngine() says what to install without an adapter", async () => {
  await withHook(GPU.prototype, "requestAdapter", () => {}, async () => {
    const hooked = GPU.prototype.requestAdapter;
    GPU.prototype.requestAdapter = () => Promise.resolve(null);
    try {
      await assert.rejects(open(), (error) => {
        assert.ok(error instanceof DeviceError && "hint" in error);
        assert.match(String(error.hint), /mesa-vulkan-drivers/);
        return true;
      });
    } finally {
      GPU.prototype.requestAdapter = hooked;
    }
  });
});
