import { checkSize } from "../check_memory.ts";
import {
  type Engine,
  type EngineLimits,
  type Memory,
  NO_HALF,
  type Plan,
  type Precision,
  type Program,
} from "../engine.ts";
import { openDevice, type OpenedDevice } from "./adapter.ts";
import { checkPlaces, lowerPlan } from "./compile.ts";
import { Guard } from "./guard.ts";
import type { Kernel, LoweringContext, MatmulFamily } from "./kernel.ts";
import { kernels as registry } from "./kernels.ts";
import {
  type DeviceLimits,
  limitsOf,
  MAX_BINDINGS,
  MAX_BUFFERS,
} from "./limits.ts";
import type { MatmulChoices } from "./matmul_variant.ts";
import { WebgpuMemory } from "./memory.ts";
import { Pipelines } from "./pipelines.ts";
import { WebgpuProgram } from "./program.ts";
import { Readback } from "./readback.ts";
import { Timeline } from "./timeline.ts";

/** Settings of {@linkcode openWebgpuEngine}. */
export interface WebgpuOptions {
  /** Whether an adapter that computes on the processor will do; false. */
  allowSoftware?: boolean;
  /** In what weights that stay frozen and activations are stored; "f32". */
  precision?: Precision;
  /** Forces one family of matrix products; "auto". */
  matmulFamily?: MatmulFamily;
  /**
   * What a tuner found to be best on this adapter; read whenever a plan is
   * compiled.
   */
  tuned?: MatmulChoices;
  /**
   * Forces the kernels for software or for hardware adapters.
   */
  treatAsSoftware?: boolean;
  /** Whether kernels may use subgroups where the adapter has them; true. */
  subgroups?: boolean;
  /** Kernels by name instead of the built-in ones. */
  kernels?: ReadonlyMap<string, Kernel>;
  /** Limits below the adapter's, to show that nothing needs more. */
  limits?: Partial<DeviceLimits>;
}

/**
 * Opens the engine that runs plans on WebGPU.
 *
 * @throws {DeviceError} If there is no adapter, or none that is allowed or
 * offers the precision.
 */
export async function openWebgpuEngine(
  options: WebgpuOptions = {},
): Promise<Engine> {
  const opened = await openDevice({
    allowSoftware: options.allowSoftware ?? false,
    precision: options.precision,
  });
  return new WebgpuEngine(opened, options);
}

class WebgpuEngine implements Engine {
  readonly name = "webgpu";
  readonly description: string;
  readonly limits: EngineLimits;
  readonly half?: Engine["half"];
  readonly #core: {
    readonly device: GPUDevice;
    readonly guard: Guard;
    readonly timeline: Timeline;
    readonly readback: Readback;
    readonly limits: DeviceLimits;
    readonly pipelines: Pipelines;
    readonly absent: GPUBuffer;
    readonly software: boolean;
  };
  readonly #kernels: ReadonlyMap<string, Kernel>;
  readonly #settings: Omit<LoweringContext, "scratch">;
  readonly #memories = new Set<WebgpuMemory>();
  readonly #programs = new Set<WebgpuProgram>();
  #closed = false;

  constructor(
    { device, report, subgroupDirective }: OpenedDevice,
    options: WebgpuOptions,
  ) {
    const guard = new Guard(device);
    const software = options.treatAsSoftware ?? report.software;
    this.#core = {
      device,
      guard,
      timeline: new Timeline(),
      readback: new Readback(),
      limits: limitsOf(report, options.limits),
      pipelines: new Pipelines(device, guard, subgroupDirective),
      absent: device.createBuffer({
        label: "absent operands",
        size: MAX_BINDINGS * 256,
        usage: GPUBufferUsage.STORAGE,
      }),
      software,
    };
    this.#kernels = options.kernels ?? registry;
    this.#settings = {
      software,
      subgroups: report.subgroups && (options.subgroups ?? true),
      matmulFamily: options.matmulFamily ?? "auto",
      tuned: options.tuned,
    };
    const adapter = report.software
      ? `${report.description}, a software adapter`
      : report.description;
    this.description = options.precision === "f16"
      ? `${adapter}, f16`
      : adapter;
    if (options.precision === "f16") {
      this.half = (kernel) => this.#kernels.get(kernel)?.half ?? NO_HALF;
    }
    // Larger bindings are cut, larger memories lie in several buffers.
    const { bufferBytes } = this.#core.limits;
    this.limits = {
      memoryBytes: MAX_BUFFERS * bufferBytes,
      tensorBytes: bufferBytes,
      bufferBytes,
    };
  }

  allocate(bytes: number, label: string): Memory {
    this.#core.guard.check();
    checkSize(bytes, label, this.limits);
    const memory = new WebgpuMemory(
      this.#core,
      bytes,
      label,
      (closed) => this.#memories.delete(closed),
    );
    this.#memories.add(memory);
    return memory;
  }

  async compile(plan: Plan): Promise<Program> {
    this.#core.guard.check();
    const { limits } = this.#core;
    const lowered = lowerPlan(plan, this.#kernels, this.#settings, limits);
    checkPlaces(plan, lowered, limits);
    const program = await WebgpuProgram.create(
      this.#core,
      plan,
      lowered,
      (closed) => this.#programs.delete(closed),
    );
    this.#programs.add(program);
    return program;
  }

  async computed(): Promise<void> {
    const { timeline, readback } = this.#core;
    await timeline.add(undefined, () => {});
    await readback.asked();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { device, guard, absent } = this.#core;
    guard.fail("Cannot go on: the engine was closed");
    for (const program of [...this.#programs]) program.close();
    for (const memory of [...this.#memories]) memory.close();
    absent.destroy();
    guard.whenIdle(() => device.destroy());
  }
}
