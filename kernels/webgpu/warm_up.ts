/**
 * Has a software adapter compile kernels on several threads before they run.
 *
 * Its driver compiles a kernel when it is first dispatched, on the one thread of
 * a device's queue, while the other cores wait; and it keeps on disk what it
 * compiled, for whichever device asks next. So for the time of this further
 * devices are opened, and each dispatches some of the kernels with no workgroups.
 *
 * @module
 */
import { HALF_FEATURE, openDevice } from "./adapter.ts";
import { Guard } from "./guard.ts";
import type { Dispatch, Shader } from "./kernel.ts";
import { MAX_BINDINGS } from "./limits.ts";
import { Pipelines } from "./pipelines.ts";

/** What is compiled once. */
export type Compiled = Pick<Dispatch, "shader" | "constants">;

/** Fewer kernels are not worth opening a device. */
const ENOUGH = 6;

/** Devices that compile, at most: each takes memory for it. */
const MOST_DEVICES = 4;

/** As much as any uniform has, and any other binding needs at least. */
const SLOT_BYTES = 256;

/** A device that kernels are compiled on. */
class Workbench {
  readonly #device: GPUDevice;
  readonly #pipelines: Pipelines;
  readonly #storage: GPUBuffer;
  readonly #uniform: GPUBuffer;

  constructor(device: GPUDevice, pipelines: Pipelines) {
    this.#device = device;
    this.#pipelines = pipelines;
    const label = "warm up";
    this.#storage = device.createBuffer({
      label,
      size: MAX_BINDINGS * SLOT_BYTES,
      usage: GPUBufferUsage.STORAGE,
    });
    this.#uniform = device.createBuffer({
      label,
      size: SLOT_BYTES,
      usage: GPUBufferUsage.UNIFORM,
    });
  }

  /** Dispatches kernels with no workgroups. */
  async start(kernels: readonly Compiled[]): Promise<void> {
    const label = "warm up";
    const pipelines: GPUComputePipeline[] = [];
    for (const { shader, constants } of kernels) {
      pipelines.push(await this.#pipelines.get(shader, constants));
    }
    const encoder = this.#device.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({ label });
    for (const [i, { shader }] of kernels.entries()) {
      pass.setPipeline(pipelines[i]);
      pass.setBindGroup(0, this.#group(shader));
      pass.dispatchWorkgroups(0);
    }
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  clear(): void {
    this.#storage.destroy();
    this.#uniform.destroy();
  }

  /** Bindings of which nothing is read; none may overlap another. */
  #group(shader: Shader): GPUBindGroup {
    const size = SLOT_BYTES;
    const bindings: GPUBufferBinding[] = shader.bindings.map((_, i) => ({
      buffer: this.#storage,
      offset: i * size,
      size,
    }));
    if (shader.uniform) bindings.push({ buffer: this.#uniform, size });
    return this.#device.createBindGroup({
      label: "warm up",
      layout: this.#pipelines.layout(shader),
      entries: bindings.map((resource, binding) => ({ binding, resource })),
    });
  }
}

/**
 * Deals out kernels, the longest first, each to who has least: what a kernel
 * takes to compile is about in proportion to its text.
 */
export function deal(
  kernels: readonly Compiled[],
  parts: number,
): Compiled[][] {
  const dealt = Array.from(
    { length: parts },
    () => ({ length: 0, kernels: [] as Compiled[] }),
  );
  const lengthOf = ({ shader }: Compiled) => shader.wgsl.length;
  for (const kernel of kernels.toSorted((a, b) => lengthOf(b) - lengthOf(a))) {
    const least = dealt.reduce((a, b) => b.length < a.length ? b : a);
    least.kernels.push(kernel);
    least.length += lengthOf(kernel);
  }
  return dealt.map(({ kernels }) => kernels);
}

/**
 * Compiles kernels on a device and, where they are many, on others beside it.
 * Those that others compile are read from disk when they first run.
 */
export async function warmUp(
  { device, pipelines, guard }: {
    device: GPUDevice;
    pipelines: Pipelines;
    guard: Guard;
  },
  kernels: readonly Compiled[],
  threads: number = navigator.hardwareConcurrency,
): Promise<void> {
  const parts = Math.min(threads, MOST_DEVICES);
  if (kernels.length < ENOUGH || parts < 2) return;
  const [own, ...others] = deal(kernels, parts);
  const precision = device.features.has(HALF_FEATURE) ? "f16" : "f32";
  const helpers: GPUDevice[] = [];
  const help = async (kernels: readonly Compiled[]) => {
    const opened = await openDevice({ allowSoftware: true, precision });
    helpers.push(opened.device);
    const { device, subgroupDirective } = opened;
    const guard = new Guard(device);
    const compilers = new Pipelines(device, guard, subgroupDirective);
    await new Workbench(device, compilers).start(kernels);
  };
  const bench = new Workbench(device, pipelines);
  try {
    await bench.start(own);
    // What a helper does not manage is compiled when it first runs.
    await Promise.allSettled(others.map(help));
    // Only now, as Deno does nothing else while it waits for a device.
    const done = [device, ...helpers]
      .map(({ queue }) => queue.onSubmittedWorkDone());
    await guard.watch(Promise.all(done), "compile kernels");
  } finally {
    bench.clear();
    for (const helper of helpers) helper.destroy();
  }
}
