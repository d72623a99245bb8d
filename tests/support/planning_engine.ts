/**
 * An engine that allocates nothing and runs nothing: it only has limits, so that
 * models of any size can be planned.
 *
 * @module
 */

import type { Engine, EngineLimits } from "../../kernels/engine.ts";
import { kernels } from "../../kernels/webgpu/kernels.ts";

/** An engine for plans. */
export function planningEngine(
  limits: EngineLimits = { memoryBytes: 2 ** 48, tensorBytes: 2 ** 48 },
  name: Engine["name"] = "webgpu",
): Engine {
  return {
    name,
    description: "plans only",
    limits,
    allocate: (bytes, label) => ({
      label,
      bytes,
      write() {},
      read: (_, length) => Promise.resolve(new ArrayBuffer(length)),
      close() {},
    }),
    compile: ({ label }) =>
      Promise.reject(new TypeError(`Cannot compile ${label}: it only plans`)),
    close() {},
  };
}

/** The same, storing f16 wherever the WebGPU kernels can. */
export function halfPlanningEngine(): Engine {
  return {
    ...planningEngine(),
    half: (name) => kernels.get(name)?.half ?? { inputs: [], outputs: [] },
  };
}
