import assert from "node:assert/strict";
import { ops } from "../../../core/ops/mod.ts";
import { openDevice } from "../../../kernels/webgpu/adapter.ts";
import type { Shader } from "../../../kernels/webgpu/kernel.ts";
import { kernels } from "../../../kernels/webgpu/kernels.ts";
import { gpuTest } from "./adapter.ts";

const shaders: Shader[] = [
  ...new Set([...kernels.values()].flatMap(({ shaders }) => shaders)),
];

Deno.test("every op has a kernel of its name", () => {
  assert.deepEqual([...kernels.keys()].sort(), [...ops.keys()].sort());
});

Deno.test("shaders have names of their own", () => {
  const names = shaders.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("shaders declare the bindings that their descriptors name", () => {
  for (const { name, wgsl, bindings, uniform } of shaders) {
    const storage = [...wgsl.matchAll(/@binding\((\d+)\) var<storage/g)];
    assert.deepEqual(
      storage.map(([, index]) => Number(index)),
      bindings.map((_, index) => index),
      name,
    );
    const uniforms = [...wgsl.matchAll(/@binding\((\d+)\) var<uniform>/g)];
    assert.deepEqual(
      uniforms.map(([, index]) => Number(index)),
      uniform ? [bindings.length] : [],
      name,
    );
  }
});

Deno.test("no barrier stands inside an if", () => {
  for (const { name, wgsl } of shaders) {
    const stack: string[] = [];
    let head = "";
    for (
      const token of wgsl.match(/\bworkgroupBarrier\b|[{};]|[^{};]+/g) ?? []
    ) {
      if (token === "{") stack.push(head.trim());
      if (token === "}") stack.pop();
      if (token.startsWith("workgroupBarrier")) {
        const inside = stack.some((block) => /\b(if|else|case)\b/.test(block));
        assert.ok(!inside, `${name}: ${stack.join(" > ")}`);
      }
      head = token;
    }
  }
});

gpuTest("every shader parses without an error or a warning", async () => {
  const { device } = await openDevice({ allowSoftware: true });
  for (const { name, wgsl } of shaders) {
    const module = device.createShaderModule({ label: name, code: wgsl });
    const { messages } = await module.getCompilationInfo();
    assert.deepEqual(messages.map(({ message }) => message), [], name);
  }
  device.destroy();
});
