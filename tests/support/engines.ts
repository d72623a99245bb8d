/**
 * The engines that this machine has, for tests that run on each.
 *
 * @module
 */

import { openCpuEngine } from "../../kernels/cpu/engine.ts";
import type { Engine } from "../../kernels/engine.ts";
import { findAdapter } from "../../kernels/webgpu/adapter.ts";
import { openWebgpuEngine } from "../../kernels/webgpu/engine.ts";

/** One engine that tests can open. */
export interface TestEngine {
  readonly name: string;
  /** No adapter here, and none is required. */
  readonly ignore: boolean;
  open(): Promise<Engine>;
}

const required = Deno.env.get("ALORE_REQUIRE_WEBGPU") === "1";
const adapter = await findAdapter();

/** WebGPU is left out without an adapter, unless ALORE_REQUIRE_WEBGPU=1. */
export const testEngines: readonly TestEngine[] = [
  { name: "cpu", ignore: false, open: () => openCpuEngine() },
  {
    name: "webgpu",
    ignore: !adapter && !required,
    open: () => openWebgpuEngine({ allowSoftware: true }),
  },
];

/** WebGPU with the kernels that a real GPU gets, whatever adapter there is. */
export const gpuKernels: TestEngine = {
  name: "webgpu, kernels for GPUs",
  ignore: !adapter && !required,
  open: () => openWebgpuEngine({ allowSoftware: true, treatAsSoftware: false }),
};
