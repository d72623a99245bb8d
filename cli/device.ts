/**
 * Chooses what computes.
 *
 * @module
 */

import { hinted } from "../core/errors.ts";
import { openCpuEngine } from "../kernels/cpu/engine.ts";
import { DeviceError, type Engine } from "../kernels/engine.ts";
import {
  type AdapterReport,
  findAdapter,
  openWebgpuEngine,
} from "../kernels/webgpu/mod.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";

/** What `--device auto` takes, and why. */
export interface DeviceChoice {
  readonly name: "cpu" | "webgpu";
  readonly reason: string;
}

/** An open engine and how it was chosen. */
export interface OpenedDevice {
  readonly engine: Engine;
  /** One line for people. */
  readonly description: string;
}

/** WebGPU where the adapter is real hardware, else the CPU engine. */
export function chooseDevice(adapter: AdapterReport | undefined): DeviceChoice {
  if (!adapter) return { name: "cpu", reason: "no WebGPU adapter" };
  if (adapter.software) {
    const reason = `the only WebGPU adapter, ${adapter.description}, ` +
      "is software";
    return { name: "cpu", reason };
  }
  return { name: "webgpu", reason: `found ${adapter.description}` };
}

/**
 * Opens the engine that `--device` and `--threads` ask for; `webgpu` never
 * becomes another one.
 *
 * @throws {DeviceError} If there is no such device.
 */
export async function openDevice(
  input: Input,
  output: Output,
): Promise<OpenedDevice> {
  const asked = input.text("device");
  const threads = input.numberOr("threads");
  if (asked === "webgpu") {
    const engine = await openWebgpuEngine({ allowSoftware: true });
    return { engine, description: describe(engine) };
  }
  if (asked === "cpu") {
    const engine = await openCpuEngine({ threads });
    return { engine, description: describe(engine) };
  }
  const choice = chooseDevice(await findAdapter());
  if (choice.name === "webgpu" && threads === undefined) {
    try {
      const engine = await openWebgpuEngine();
      return { engine, description: describe(engine) };
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      output.warn(`${error.message}; going on with the cpu engine`);
    }
  }
  const engine = await openCpuEngine({ threads });
  const reason = threads === undefined ? choice.reason : "--threads was given";
  return { engine, description: `${describe(engine)} (auto: ${reason})` };
}

/** Runs work on an engine, which is closed afterwards. */
export async function withDevice<T>(
  input: Input,
  output: Output,
  work: (engine: Engine, description: string) => Promise<T>,
): Promise<T> {
  const { engine, description } = await openDevice(input, output);
  try {
    return await work(engine, description);
  } catch (error) {
    if (error instanceof DeviceError && !("hint" in error)) {
      throw hinted(error, "--device cpu runs without a GPU");
    }
    throw error;
  } finally {
    engine.close();
  }
}

/** An engine in one line, its kind first. */
export function describe(engine: Engine): string {
  return engine.name === "webgpu"
    ? `webgpu engine, ${engine.description}`
    : engine.description;
}
