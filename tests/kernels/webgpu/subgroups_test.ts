import assert from "node:assert/strict";
import { findAdapter, openDevice } from "../../../kernels/webgpu/adapter.ts";
import {
  SUBGROUP_FEATURE,
  subgroupDirective,
} from "../../../kernels/webgpu/subgroups.ts";
import { gpuTest } from "./adapter.ts";

/** A device whose compiler takes WGSL with subgroups by a rule. */
function deviceWith(
  features: readonly string[],
  takes: (code: string) => boolean,
): GPUDevice {
  let failed = false;
  const device = {
    features: new Set(features),
    pushErrorScope() {},
    createShaderModule({ code }: GPUShaderModuleDescriptor) {
      failed = !takes(code);
    },
    popErrorScope: () => Promise.resolve(failed ? { message: "no" } : null),
  };
  return device as unknown as GPUDevice;
}

Deno.test("subgroupDirective() tries how a compiler wants WGSL to begin", async () => {
  const standard = (code: string) => code.startsWith("enable subgroups;");
  const begin = (
    takes: (code: string) => boolean,
    feature = SUBGROUP_FEATURE,
  ) => subgroupDirective(deviceWith([feature], takes));
  assert.equal(await begin((code) => !standard(code)), "");
  assert.equal(await begin(standard), "enable subgroups;\n");
  assert.equal(await begin(() => false), undefined);
  assert.equal(await begin(() => true, "shader-f16"), undefined);
});

gpuTest("openDevice() has subgroups where the adapter's are wide", async () => {
  const { device, report, subgroupDirective } = await openDevice({
    allowSoftware: true,
  });
  const found = await findAdapter();
  device.destroy();
  assert.equal(report.subgroups, found?.subgroups);
  // Or every product on software adapters would be half as fast, unnoticed.
  if (/llvmpipe.*(256|512) bits/.test(report.description)) {
    assert.ok(report.subgroups);
  }
  assert.ok(!report.subgroups || subgroupDirective !== undefined);
});

gpuTest("openDevice() opens a device that refuses subgroups", async () => {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = function (wanted) {
    const features = [...wanted?.requiredFeatures ?? []];
    return features.includes(SUBGROUP_FEATURE)
      ? Promise.reject(new TypeError("not offered"))
      : requestDevice.call(this, wanted);
  };
  try {
    const { device, report, subgroupDirective } = await openDevice({
      allowSoftware: true,
    });
    device.destroy();
    assert.equal(report.subgroups, false);
    assert.equal(subgroupDirective, undefined);
  } finally {
    Object.assign(GPUAdapter.prototype, { requestDevice });
  }
});
