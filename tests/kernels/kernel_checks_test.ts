import assert from "node:assert/strict";
import { CheckPlan } from "../../kernels/check_plan.ts";
import { kernelChecks } from "../../kernels/kernel_checks.ts";
import { lowerPlan } from "../../kernels/webgpu/compile.ts";
import type { Shader } from "../../kernels/webgpu/kernel.ts";
import { kernels } from "../../kernels/webgpu/kernels.ts";
import { adapterClasses } from "../support/adapter_classes.ts";

/** The shaders that checks of some kernels use, on adapters of any class. */
function shadersOf(names: Iterable<string>): Set<Shader> {
  const wanted = new Set(names);
  const half = { inputs: [], outputs: [] };
  const chosen = [...kernelChecks].flatMap(([family, checks]) =>
    checks.filter(({ kernel }) => wanted.has(kernel))
      .map((check) => ({ family, check, half }))
  );
  const { plan } = new CheckPlan(chosen);
  const dispatches = adapterClasses.flatMap((adapter) =>
    lowerPlan(plan, kernels, { ...adapter, matmulFamily: "auto" }).dispatches
  );
  return new Set(dispatches.map(({ shader }) => shader));
}

Deno.test("every kernel has a check", () => {
  const names = [...kernelChecks.values()].flat().map(({ kernel }) => kernel);
  assert.deepEqual([...new Set(names)].sort(), [...kernels.keys()].sort());
});

Deno.test("every shader is in a check, but for those that only move numbers", () => {
  const checked = shadersOf(kernels.keys());
  const others = [...kernels.values()].flatMap(({ shaders }) => shaders)
    .filter((shader) => !checked.has(shader)).map(({ name }) => name);
  const movers = ["copy_numbers", "pad_groups", "pad_half_groups"];
  assert.deepEqual([...new Set(others)].sort(), movers);
});

Deno.test("the checks of matrix products use every tile by themselves", () => {
  const { shaders } = kernels.get("matmul")!;
  assert.ok(new Set(shaders).isSubsetOf(shadersOf(["matmul"])));
});
