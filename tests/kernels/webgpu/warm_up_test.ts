import assert from "node:assert/strict";
import { kernels } from "../../../kernels/webgpu/kernels.ts";
import { Guard } from "../../../kernels/webgpu/guard.ts";
import { openDevice } from "../../../kernels/webgpu/adapter.ts";
import { Pipelines } from "../../../kernels/webgpu/pipelines.ts";
import {
  type Compiled,
  deal,
  warmUp,
} from "../../../kernels/webgpu/warm_up.ts";
import { gpuTest } from "./adapter.ts";

/** Some that have no constants. */
const SIX: readonly Compiled[] = [
  ...new Set([...kernels.values()].flatMap(({ shaders }) => shaders)),
].filter(({ wgsl }) => !wgsl.includes("override ")).slice(0, 6)
  .map((shader) => ({ shader, constants: {} }));

/** What some work dispatches, as groups along x by pass. */
async function dispatchesIn(work: () => Promise<void>): Promise<number[][]> {
  const byPass = new Map<GPUComputePassEncoder, number[]>();
  const pass = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups } = pass;
  pass.dispatchWorkgroups = function (...size) {
    byPass.set(this, [...byPass.get(this) ?? [], size[0]]);
    return dispatchWorkgroups.apply(this, size);
  };
  try {
    await work();
  } finally {
    Object.assign(pass, { dispatchWorkgroups });
  }
  return [...byPass.values()];
}

async function withDevice(
  work: (
    core: { device: GPUDevice; guard: Guard; pipelines: Pipelines },
  ) => Promise<void>,
): Promise<void> {
  const { device } = await openDevice({ allowSoftware: true });
  const guard = new Guard(device);
  try {
    await work({ device, guard, pipelines: new Pipelines(device, guard) });
  } finally {
    device.destroy();
  }
}

Deno.test("deal() gives every kernel to one, and to all about as much", () => {
  const lengthOf = ({ shader }: Compiled) => shader.wgsl.length;
  const longest = Math.max(...SIX.map(lengthOf));
  for (const parts of [2, 3, 4]) {
    const dealt = deal(SIX, parts);
    assert.equal(dealt.length, parts);
    assert.equal(lengthOf(dealt[0][0]), longest);
    assert.deepEqual(new Set(dealt.flat()), new Set(SIX));
    assert.equal(dealt.flat().length, SIX.length);
    const lengths = dealt.map((part) =>
      part.reduce((sum, kernel) => sum + lengthOf(kernel), 0)
    );
    assert.ok(Math.max(...lengths) - Math.min(...lengths) <= longest);
    assert.ok(Math.min(...lengths) > 0);
  }
});

gpuTest(
  "warmUp() dispatches every kernel once, on several devices",
  () =>
    withDevice(async (core) => {
      const dispatches = await dispatchesIn(() => warmUp(core, SIX, 3));
      const byLength = (all: readonly unknown[][]) =>
        all.map(({ length }) => length).sort();
      const dealt = deal(SIX, 3);
      assert.deepEqual(byLength(dispatches), byLength(dealt));
      assert.ok(dispatches.flat().every((groups) => groups === 0));
      // It has pipelines for its own part alone.
      const others = dealt.slice(1).flat();
      assert.deepEqual(new Set(core.pipelines.missing(SIX)), new Set(others));
    }),
);

gpuTest(
  "warmUp() leaves few kernels, and one thread, alone",
  () =>
    withDevice(async (core) => {
      const dispatches = await dispatchesIn(async () => {
        await warmUp(core, SIX.slice(1), 3);
        await warmUp(core, SIX, 1);
      });
      assert.deepEqual(dispatches, []);
      assert.equal(core.pipelines.missing(SIX).length, 6);
    }),
);

gpuTest(
  "warmUp() goes on without a device that cannot be opened",
  () =>
    withDevice(async (core) => {
      const { requestAdapter } = GPU.prototype;
      GPU.prototype.requestAdapter = () => Promise.resolve(null);
      try {
        const dispatches = await dispatchesIn(() => warmUp(core, SIX, 2));
        assert.deepEqual(dispatches, [deal(SIX, 2)[0].map(() => 0)]);
      } finally {
        Object.assign(GPU.prototype, { requestAdapter });
      }
    }),
);

gpuTest(
  "warmUp() refuses a kernel of its own part that does not compile",
  () =>
    withDevice(async (core) => {
      const [{ shader, constants }] = SIX;
      const wgsl = shader.wgsl + "fn (";
      const wrong = {
        shader: { ...shader, wgsl: wgsl.padEnd(9e4) },
        constants,
      };
      await assert.rejects(
        warmUp(core, [wrong, ...SIX.slice(1)], 2),
        /^DeviceError: Cannot compile kernel /,
      );
    }),
);
