/**
 * Chooses what computes.
 *
 * @module
 */

import { hinted } from "../core/errors.ts";
import { DeviceError, type Engine, type Precision } from "../kernels/engine.ts";
import { type EngineChoice, openEngine } from "../kernels/open_engine.ts";
import { type AdapterReport, findAdapter } from "../kernels/webgpu/adapter.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";

/** An open engine and how it was chosen. */
export interface OpenedDevice {
  readonly engine: Engine;
  /** One line for people. */
  readonly description: string;
}

/** The precision that `--precision` asks for. */
export function precisionOf(input: Input): Precision {
  return input.text("precision") === "f16" ? "f16" : "f32";
}

/**
 * Opens the engine that `--device`, `--threads` and `--blas` ask for; `webgpu`
 * never becomes another one, and neither does `auto` with f16.
 *
 * @throws {DeviceError} If there is no such device.
 */
export async function openDevice(
  input: Input,
  output: Output,
  precision: Precision = "f32",
): Promise<OpenedDevice> {
  const asked = input.text("device");
  if (asked === "cpu") return opened(await openCpu(input, precision));
  quietDriver();
  const onStaleTuning = (note: string) => output.warn(note);
  if (asked === "webgpu") {
    return opened(await openEngine("webgpu", { precision, onStaleTuning }));
  }
  const given = ["threads", "blas"].find((name) => input.given(name));
  if (given) {
    output.detail(`--device auto takes the cpu engine: --${given} was given`);
    return opened(await openCpu(input, precision));
  }
  const onChoice = ({ name, reason, error }: EngineChoice) => {
    if (error) output.warn(`${reason}; going on with the cpu engine`);
    else output.detail(`--device auto takes the ${name} engine: ${reason}`);
  };
  return opened(
    await openEngine("auto", { precision, onChoice, onStaleTuning }),
  );
}

/**
 * Opens the CPU engine with `--threads` and `--blas`.
 *
 * @throws {DeviceError} If the library in `--blas` cannot be used, or the engine
 * does not have the precision.
 */
export async function openCpu(
  input: Input,
  precision: Precision = "f32",
): Promise<Engine> {
  const threads = input.numberOr("threads");
  const blas = input.text("blas");
  try {
    return await openEngine("cpu", { threads, blas, precision });
  } catch (error) {
    const other = blas === "auto" || precision === "f16";
    if (!(error instanceof DeviceError) || other) throw error;
    throw hinted(
      error,
      "--blas auto takes one that is found, off does without",
    );
  }
}

function opened(engine: Engine): OpenedDevice {
  return { engine, description: describe(engine) };
}

/** Describes the WebGPU adapter, if there is one. */
export async function lookForAdapter(): Promise<AdapterReport | undefined> {
  quietDriver();
  return await findAdapter();
}

/**
 * Mesa complains on stderr where XDG_RUNTIME_DIR is not set, as in containers,
 * but does not need it.
 */
function quietDriver(): void {
  const variable = { name: "env", variable: RUNTIME_FOLDER } as const;
  const { state } = Deno.permissions.querySync(variable);
  if (
    Deno.build.os === "linux" && state === "granted" &&
    !Deno.env.has(RUNTIME_FOLDER)
  ) Deno.env.set(RUNTIME_FOLDER, "/tmp");
}

const RUNTIME_FOLDER = "XDG_RUNTIME_DIR";

/** Runs work on an engine, which is closed afterwards. */
export async function withDevice<T>(
  input: Input,
  output: Output,
  work: (engine: Engine, description: string) => Promise<T>,
  precision: Precision = "f32",
): Promise<T> {
  const { engine, description } = await openDevice(input, output, precision);
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
