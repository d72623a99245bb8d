import assert from "node:assert/strict";
import type { Plan } from "../../../kernels/engine.ts";
import { HALF_FEATURE, openDevice } from "../../../kernels/webgpu/adapter.ts";
import { lowerPlan } from "../../../kernels/webgpu/compile.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { halfShader } from "../../../kernels/webgpu/half_shader.ts";
import type { Shader } from "../../../kernels/webgpu/kernel.ts";
import { kernels } from "../../../kernels/webgpu/kernels.ts";
import {
  type DeviceLimits,
  UNLIMITED,
} from "../../../kernels/webgpu/limits.ts";
import { assertClose } from "../../support/assert_close.ts";
import { cutCases } from "../../support/cut_cases.ts";
import { halfEngines } from "../../support/engines.ts";
import { halfPlan, runHalfCase } from "../../support/half_case.ts";
import { kernelCases } from "../../support/kernel_cases.ts";
import { casePlan } from "../../support/run_case.ts";

const able = [...kernels.values()].filter(({ half }) => half);

for (const { name, ignore, open, ops } of halfEngines) {
  for (const { name: op } of able) {
    if (ops && !ops.includes(op)) continue;
    Deno.test({
      name: `${op} equals its reference with operands as f16 [${name}]`,
      ignore,
      fn: async () => {
        const engine = await open();
        try {
          for (const test of kernelCases.filter((test) => test.op === op)) {
            await runHalfCase(engine, test, assertClose);
          }
        } finally {
          engine.close();
        }
      },
    });
  }
}

const [{ ignore }] = halfEngines;

/** The least limit on bindings that leaves a way to cut a case. */
function limitFor(plan: Plan): DeviceLimits {
  const settings = { software: true, matmulFamily: "auto" } as const;
  const whole = lowerPlan(plan, kernels, settings).dispatches.length;
  const found = [4096, 8192, 12_288, 51_200]
    .map((bindingBytes): DeviceLimits => ({ ...UNLIMITED, bindingBytes }))
    .find((limits) => {
      try {
        return lowerPlan(plan, kernels, settings, limits).dispatches.length >
          whole;
      } catch (error) {
        if (error instanceof RangeError) return false;
        throw error;
      }
    });
  assert.ok(found);
  return found;
}

for (const op of ["layer_norm", "attention", "matmul"]) {
  Deno.test({
    name: `${op} in parts equals its reference with operands as f16`,
    ignore,
    fn: async () => {
      const cases = cutCases.filter((test) => test.op === op);
      assert.ok(cases.length > 0);
      for (const test of cases) {
        const halves = kernels.get(op)!.half!;
        const engine = await openWebgpuEngine({
          allowSoftware: true,
          treatAsSoftware: true,
          precision: "f16",
          limits: limitFor(halfPlan(casePlan(test).plan, halves)),
        });
        try {
          await runHalfCase(engine, test, assertClose);
        } finally {
          engine.close();
        }
      }
    },
  });
}

/** Bindings that a shader may have as f16. */
function halvesOf({ bindings, wgsl }: Shader): number[] {
  return bindings.flatMap((_, i) =>
    new RegExp(`binding\\(${i}\\) var<[^>]*> \\w+: array<(f32|vec4f)>`)
        .test(wgsl)
      ? [i]
      : []
  );
}

Deno.test({
  name: "every shader parses with its operands as f16, all and one by one",
  ignore,
  fn: async () => {
    const { device } = await openDevice({
      allowSoftware: true,
      precision: "f16",
    });
    for (const shader of able.flatMap(({ shaders }) => shaders)) {
      const halves = halvesOf(shader);
      for (const half of [halves, ...halves.map((one) => [one])]) {
        if (half.length === 0) continue;
        const { name, wgsl } = halfShader(shader, half);
        const module = device.createShaderModule({ label: name, code: wgsl });
        const { messages } = await module.getCompilationInfo();
        assert.deepEqual(messages.map(({ message }) => message), [], name);
      }
    }
    device.destroy();
  },
});

const SHADER: Shader = {
  name: "test",
  entry: "main",
  bindings: ["x", "y"],
  wgsl: `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
fn main() {
  let first = x[u32(x[0u]) + 1u];
  y[1u].x = first + x[2u];
  if (x[3u] == 0.0) { y[0u] = y[1u]; }
}`,
};

Deno.test("halfShader() converts at loads and stores", () => {
  const { wgsl } = halfShader(SHADER, [0, 1]);
  assert.equal(
    wgsl,
    `enable f16;

@group(0) @binding(0) var<storage, read_write> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f16>>;
fn main() {
  let first = f32(x[u32(f32(x[0u])) + 1u]);
  y[1u].x = f16(first + f32(x[2u]));
  if (f32(x[3u]) == 0.0) { y[0u] = vec4<f16>(vec4f(y[1u])); }
}`,
  );
});

Deno.test("halfShader() makes each variant once", () => {
  assert.equal(halfShader(SHADER, [0]), halfShader(SHADER, [0]));
  assert.notEqual(halfShader(SHADER, [0]), halfShader(SHADER, [1]));
});

Deno.test("halfShader() refuses what it cannot convert", () => {
  const wgsl = SHADER.wgsl.replace("y[1u].x =", "y[1u].x +=");
  const updates = { ...SHADER, wgsl };
  assert.throws(() => halfShader(updates, [1]), {
    name: "TypeError",
    message: "Cannot store y of test as f16: got an update by +=, wanted " +
      "loads and plain stores",
  });
  const bits = {
    ...SHADER,
    wgsl: SHADER.wgsl.replace("array<f32>", "array<u32>"),
  };
  assert.throws(() => halfShader(bits, [0]), {
    name: "TypeError",
    message: /^Cannot store binding 0 of test as f16: got another declaration/,
  });
});

Deno.test("an adapter without shader-f16 is refused with a remedy", async () => {
  const { gpu } = navigator;
  const adapter = {
    info: { description: "an old adapter" },
    limits: {},
    features: new Set(),
  };
  Object.defineProperty(navigator, "gpu", {
    configurable: true,
    value: { requestAdapter: () => Promise.resolve(adapter) },
  });
  try {
    await assert.rejects(
      openDevice({ allowSoftware: true, precision: "f16" }),
      {
        name: "DeviceError",
        message: "Cannot store numbers as f16: got an old adapter without " +
          `${HALF_FEATURE}, wanted an adapter that offers it`,
        hint: "--precision f32 needs no such adapter",
      },
    );
  } finally {
    Object.defineProperty(navigator, "gpu", { configurable: true, value: gpu });
  }
});
