/**
 * Chooses an engine for this machine.
 *
 * @module
 */

import type { BlasChoice } from "./cpu/blas.ts";
import { openCpuEngine } from "./cpu/engine.ts";
import { DeviceError, type Engine } from "./engine.ts";
import {
  type AdapterReport,
  findAdapter,
  openWebgpuEngine,
} from "./webgpu/mod.ts";

/** `auto` takes WebGPU on real hardware, else the CPU engine. */
export type EngineName = "auto" | "cpu" | "webgpu";

/** What `auto` takes, and why. */
export interface EngineChoice {
  /** The kind of engine. */
  readonly name: "cpu" | "webgpu";
  /** For people. */
  readonly reason: string;
}

/** Options of {@linkcode openEngine}. */
export interface EngineOptions {
  /** Worker threads of the CPU engine, at least 1; default: one a core. */
  readonly threads?: number;
  /**
   * The BLAS library of the CPU engine: `off`, a path, or by default `auto`,
   * the first usual one that may be opened without asking.
   */
  readonly blas?: BlasChoice;
}

/** WebGPU where the adapter is real hardware, else the CPU engine. */
export function chooseEngine(adapter: AdapterReport | undefined): EngineChoice {
  if (!adapter) return { name: "cpu", reason: "no WebGPU adapter" };
  if (adapter.software) {
    const reason = `the only WebGPU adapter, ${adapter.description}, is ` +
      `software`;
    return { name: "cpu", reason };
  }
  return { name: "webgpu", reason: `found ${adapter.description}` };
}

/**
 * Opens an engine.
 *
 * @param name `webgpu` takes a software adapter too, and never becomes another
 * engine; `auto` may.
 * @throws {DeviceError} If there is no such device.
 * @throws {RangeError} If the number of threads is not a whole number above 0.
 *
 * @example Usage
 * ```ts
 * import { openEngine } from "./open_engine.ts";
 *
 * const engine = await openEngine("cpu", { threads: 1 });
 * engine.close();
 * ```
 */
export async function openEngine(
  name: EngineName = "auto",
  options: EngineOptions = {},
): Promise<Engine> {
  if (name === "webgpu") return await openWebgpuEngine({ allowSoftware: true });
  if (name === "cpu") return await openCpuEngine(options);
  if (chooseEngine(await findAdapter()).name === "webgpu") {
    try {
      return await openWebgpuEngine();
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
    }
  }
  return await openCpuEngine(options);
}
