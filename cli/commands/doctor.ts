import type { Engine } from "../../kernels/engine.ts";
import { openBlas } from "../../kernels/cpu/blas.ts";
import {
  chooseEngine,
  type EngineChoice,
  openEngine,
} from "../../kernels/open_engine.ts";
import {
  type AdapterReport,
  loadTuning,
  type Tuning,
} from "../../kernels/webgpu/mod.ts";
import { DENO_VERSION } from "../../core/version.ts";
import type { CliCommand } from "../command.ts";
import { describe, lookForAdapter, openCpu } from "../device.ts";
import { FailedWith } from "../failed_with.ts";
import { blasFlag } from "../flags.ts";
import { bytes, duration } from "../format.ts";
import type { Input } from "../input.ts";
import { messageOf, type Output } from "../output.ts";
import { selfTest, type SelfTestResult } from "../self_check.ts";

/** Says what the machine offers. */
export const doctor: CliCommand = {
  name: "doctor",
  summary: "what this machine offers, and a self-test of each engine",
  examples: ["doctor"],
  flags: [{
    name: "threads",
    kind: "integer",
    minimum: 1,
    group: "Device",
    defaultText: "one for each logical processor",
    help: "threads of the cpu engine",
  }, blasFlag],
  run,
};

/** One engine's self-test. */
interface EngineReport {
  readonly engine: string;
  readonly description: string;
  readonly result?: SelfTestResult;
  readonly error?: string;
}

async function run(input: Input, output: Output): Promise<unknown> {
  const machine = {
    deno: Deno.version.deno,
    denoTested: DENO_VERSION,
    os: `${Deno.build.os} ${Deno.build.arch}`,
    processors: navigator.hardwareConcurrency,
    simd: WebAssembly.validate(SIMD),
    relaxedSimd: WebAssembly.validate(RELAXED_SIMD),
    sharedMemory: hasSharedMemory(),
  };
  const blas = lookForBlas(input.text("blas"));
  const tested = machine.deno === DENO_VERSION
    ? ""
    : `, but this was tested with ${DENO_VERSION}`;
  output.print(`Deno          ${machine.deno}${tested}`);
  output.print(`System        ${machine.os}`);
  output.print(`Processors    ${machine.processors}`);
  output.print(`WASM SIMD     ${yes(machine.simd)}`);
  output.print(`Relaxed SIMD  ${yes(machine.relaxedSimd)}`);
  output.print(`Shared memory ${yes(machine.sharedMemory)}`);
  output.print(`BLAS          ${blas.text}`);
  const adapter = await lookForAdapter();
  printAdapter(adapter, output);
  const tuning = adapter && await loadTuning(adapter);
  if (tuning) printTuning(tuning, output);
  const engines = [await report("cpu", () => openCpu(input))];
  if (adapter) {
    const open = () => openEngine("webgpu", { check: "always" });
    engines.push(await report("webgpu", open));
  }
  const choice = choiceOf(adapter, engines);
  output.print(
    `Auto          --device auto takes ${choice.name}: ${choice.reason}`,
  );
  output.print();
  engines.forEach((engine) => printEngine(engine, output));
  const { name, path } = blas;
  const document = {
    machine,
    blas: { name, path },
    adapter,
    tuning: tuning && {
      path: tuning.path,
      shapes: tuning.choices.size,
      note: tuning.note,
    },
    auto: choice,
    engines,
  };
  const failed = engines.filter(({ result }) => !result?.passed);
  if (failed.length > 0) {
    const names = failed.map(({ engine }) => engine).join(" and ");
    throw new FailedWith(
      `Cannot trust this machine: the self-test of ${names} failed`,
      document,
    );
  }
  return document;
}

/** What `auto` takes, also where the adapter does not do. */
function choiceOf(
  adapter: AdapterReport | undefined,
  engines: readonly EngineReport[],
): EngineChoice {
  const choice = chooseEngine(adapter);
  const error = engines.find(({ engine }) => engine === "webgpu")?.error;
  return choice.name === "webgpu" && error
    ? { name: "cpu", reason: error }
    : choice;
}

async function report(
  name: string,
  open: () => Promise<Engine>,
): Promise<EngineReport> {
  let engine: Engine | undefined;
  try {
    engine = await open();
    const description = describe(engine);
    return { engine: name, description, result: await selfTest(engine) };
  } catch (error) {
    const description = engine ? describe(engine) : name;
    return { engine: name, description, error: messageOf(error) };
  } finally {
    engine?.close();
  }
}

/** A BLAS library and what to say of it. */
interface BlasReport {
  readonly name?: string;
  readonly path?: string;
  readonly text: string;
}

function lookForBlas(choice: string): BlasReport {
  if (choice === "off") return { text: "off, as --blas asks" };
  try {
    const blas = openBlas(choice);
    if (!blas) return { text: "none found, the engine's own kernels multiply" };
    blas.close();
    const { name, path } = blas;
    return { name, path, text: `${name}, ${path}` };
  } catch (error) {
    return { text: messageOf(error) };
  }
}

function printAdapter(
  adapter: AdapterReport | undefined,
  output: Output,
): void {
  if (!adapter) {
    output.print("WebGPU        no adapter");
    return;
  }
  const { description, software, subgroups, limits, features } = adapter;
  const kind = software ? ", a software adapter" : "";
  output.print(`WebGPU        ${description}${kind}`);
  const buffer = bytes(limits.maxBufferSize);
  const binding = bytes(limits.maxStorageBufferBindingSize);
  const shared = bytes(limits.maxComputeWorkgroupStorageSize);
  output.print(
    `              buffers to ${buffer}, bindings to ${binding}, ` +
      `workgroup memory ${shared}`,
  );
  // Deno's adapters do not list subgroups.
  const offered = subgroups ? [...features, "subgroups"] : features;
  const notable = ["shader-f16", "subgroups", "timestamp-query"]
    .map((name) => `${name} ${yes(offered.includes(name))}`);
  output.print(`              ${notable.join(", ")}`);
}

function printTuning({ choices, path, note }: Tuning, output: Output): void {
  const { size } = choices;
  const text = note ??
    (size > 0
      ? `${size} matrix products, ${path}`
      : "none, a rule chooses by the kind of adapter; `bench --tune` measures");
  output.print(`Tuning        ${text}`);
}

function printEngine(
  { engine, description, result, error }: EngineReport,
  output: Output,
): void {
  const title = `Self-test     ${engine}`;
  if (!result) {
    output.print(`${title}: failed, ${error}`);
    return;
  }
  const verdict = result.passed ? "passed" : "failed";
  const difference = result.largestDifference.toExponential(1);
  output.print(
    `${title}: ${verdict}, losses within ${difference} of the known ones, ` +
      `${duration(result.seconds)} (${description})`,
  );
}

function yes(value: boolean): string {
  return value ? "yes" : "no";
}

function hasSharedMemory(): boolean {
  try {
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return true;
  } catch {
    return false;
  }
}

/** (func (result v128) (v128.const 0)), and one relaxed multiply-add of three. */
const HEADER = [0, 97, 115, 109, 1, 0, 0, 0];
const TYPE = [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];
const ZERO = [253, 12, ...Array.from({ length: 16 }, () => 0)];
const SIMD = moduleOf(ZERO);
const RELAXED_SIMD = moduleOf([...ZERO, ...ZERO, ...ZERO, 253, 133, 2]);

function moduleOf(body: number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 11];
  return Uint8Array.from([
    ...HEADER,
    ...TYPE,
    10,
    code.length + 2,
    1,
    code.length,
    ...code,
  ]);
}
