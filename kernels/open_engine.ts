/**
 * Chooses an engine for this machine.
 *
 * @module
 */

import type { BlasChoice } from "./cpu/blas.ts";
import { openCpuEngine } from "./cpu/engine.ts";
import { DeviceError, type Engine, type Precision } from "./engine.ts";
import {
  type CheckedOptions,
  type CheckedWebgpu,
  openCheckedWebgpu,
} from "./open_webgpu.ts";
import { findOnThread, mayStartThread, openOnThread } from "./thread/start.ts";
import { type AdapterReport, findAdapter } from "./webgpu/mod.ts";

/** `auto` takes WebGPU on real hardware, else the CPU engine. */
export type EngineName = "auto" | "cpu" | "webgpu";

/** What `auto` takes, and why. */
export interface EngineChoice {
  /** The kind of engine. */
  readonly name: "cpu" | "webgpu";
  /** For people. */
  readonly reason: string;
  /** What went wrong with WebGPU, where it looked usable. */
  readonly error?: DeviceError;
}

/** Options of {@linkcode openEngine}. */
export interface EngineOptions {
  /**
   * Worker threads of the CPU engine, 0 to 256; default: one a core. With 0 the
   * calling thread computes.
   */
  readonly threads?: number;
  /**
   * The BLAS library of the CPU engine: `off`, a path, or by default `auto`,
   * the first usual one that may be opened without asking.
   */
  readonly blas?: BlasChoice;
  /**
   * When small uses of kernels are compared with those of the CPU engine on a
   * WebGPU device. `once`: when an adapter is opened for the first time, one
   * kernel of each family, the fastest to compile first, as far as 130 ms go;
   * every other kernel before a plan uses it; and what passed not again for 30
   * days on the same adapter by the same kernels, if the user's cache directory
   * may be read and written without asking. `always`: all kernels when it is
   * opened, whatever it takes. `never`. Default: `once`.
   */
  readonly check?: "once" | "always" | "never";
  /**
   * Whether WebGPU runs on a thread of its own; default true. Deno blocks the
   * thread that waits for a device. Starting one wants permission to read this
   * package's files; without it, or if it cannot be started, the calling thread
   * is used. It is kept, asleep, for the next engine.
   */
  readonly thread?: boolean;
  /** Told what `auto` took and why. */
  onChoice?(choice: EngineChoice): void;
  /**
   * Told why what `bench --tune` found for the WebGPU adapter is not used,
   * where that is so.
   */
  onStaleTuning?(note: string): void;
  /**
   * In what weights that stay frozen and activations are stored, default f32.
   * `f16` is WebGPU's, on adapters with shader-f16; sums, trained tensors and
   * the optimizer's numbers stay f32.
   */
  readonly precision?: Precision;
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
 * @throws {DeviceError} If there is no such device, or none for the precision, or
 * it computes wrong numbers; the message names the family of kernels.
 * @throws {RangeError} If the number of threads is not a whole number from 0 to 256.
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
  const { precision } = options;
  if (name === "webgpu") {
    return await openWebgpu(true, options);
  }
  if (name === "cpu" && precision === "f16") {
    throw noHalf("the cpu engine was asked for");
  }
  if (name === "cpu") return await openCpuEngine(options);
  let choice = chooseEngine(await lookForAdapter(options));
  let engine: Engine | undefined;
  if (choice.name === "webgpu") {
    try {
      engine = await openWebgpu(false, options);
    } catch (error) {
      if (precision === "f16" || !(error instanceof DeviceError)) throw error;
      choice = { name: "cpu", reason: error.message, error };
    }
  }
  if (!engine && precision === "f16") throw noHalf(choice.reason);
  engine ??= await openCpuEngine(options);
  options.onChoice?.(choice);
  return engine;
}

/**
 * Not on this thread, if that can be: one that ends unloads the drivers that it
 * looked through, and a process that exits meanwhile crashes.
 */
async function lookForAdapter(
  { thread = true }: EngineOptions,
): Promise<AdapterReport | undefined> {
  const found = thread && mayStartThread() ? await findOnThread() : undefined;
  return found ? found.adapter : await findAdapter();
}

async function openWebgpu(
  allowSoftware: boolean,
  { precision, check = "once", thread = true, onStaleTuning }: EngineOptions,
): Promise<Engine> {
  const options = { allowSoftware, precision, check };
  const { engine, staleTuning } = thread
    ? await openTunable(options)
    : await openCheckedWebgpu(options);
  if (staleTuning) onStaleTuning?.(staleTuning);
  return engine;
}

/**
 * Opens WebGPU, with what a tuner needs, on a thread of its own where one may and
 * can be started.
 *
 * @throws {DeviceError} If there is no such device or it computes wrong numbers.
 */
export async function openTunable(
  options: CheckedOptions,
): Promise<CheckedWebgpu> {
  const onThread = mayStartThread() ? await openOnThread(options) : undefined;
  return onThread ?? await openCheckedWebgpu(options);
}

function noHalf(reason: string): DeviceError {
  const error = new DeviceError(
    `Cannot store numbers as f16: got the cpu engine (${reason}), wanted webgpu`,
  );
  const hint = "--device webgpu with an adapter that has shader-f16, or " +
    "--precision f32";
  return Object.assign(error, { hint });
}
