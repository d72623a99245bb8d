import { checkInputs } from "../check_inputs.ts";
import {
  byteLength,
  DeviceError,
  type HostArray,
  type Memory,
  type Place,
  type Plan,
  type Program,
  type RunProfile,
  wordBytes,
} from "../engine.ts";
import type { Lowered } from "./compile.ts";
import { CLOCK_FEATURE, DispatchClock } from "./dispatch_clock.ts";
import type { Grid } from "./kernel.ts";
import { type Core, WebgpuMemory } from "./memory.ts";
import type { Pipelines } from "./pipelines.ts";
import {
  bindDispatches,
  type Buffers,
  createBuffers,
  destroyBuffers,
  RING_SIZE,
  type Slot,
  stagingLayout,
} from "./program_buffers.ts";
import { warmUp } from "./warm_up.ts";

/** What programs need of their engine beside what they share with memories. */
type ProgramCore = Core & {
  readonly pipelines: Pipelines;
  readonly absent: GPUBuffer;
  /** Whether the processor is the device. */
  readonly software: boolean;
};

interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly grid: Grid;
  /** Its call, by its position in the plan. */
  readonly call: number;
}

/** A compiled plan: pipelines and bind groups that `run` replays. */
export class WebgpuProgram implements Program {
  readonly profile?: Program["profile"];
  readonly #core: Core;
  readonly #plan: Plan;
  readonly #memories: readonly WebgpuMemory[];
  readonly #buffers: Buffers;
  readonly #steps: readonly Step[];
  readonly #stagingOffsets: ReadonlyMap<string, number>;
  readonly #onClose: (program: WebgpuProgram) => void;
  #runs = 0;
  #closed = false;

  private constructor(
    core: ProgramCore,
    plan: Plan,
    memories: readonly WebgpuMemory[],
    buffers: Buffers,
    steps: readonly Step[],
    onClose: (program: WebgpuProgram) => void,
  ) {
    this.#core = core;
    this.#plan = plan;
    this.#memories = memories;
    this.#buffers = buffers;
    this.#steps = steps;
    this.#onClose = onClose;
    this.#stagingOffsets = stagingLayout(plan).offsets;
    if (core.device.features.has(CLOCK_FEATURE) && steps.length > 0) {
      this.profile = (inputs) => this.#profile(inputs);
    }
  }

  /**
   * Allocates the arena and compiles every dispatch.
   *
   * @throws {DeviceError} If the device refuses a kernel or a buffer.
   */
  static async create(
    core: ProgramCore,
    plan: Plan,
    lowered: Lowered,
    onClose: (program: WebgpuProgram) => void,
  ): Promise<WebgpuProgram> {
    const memories = plan.memories.map((memory) => memoryOf(plan, memory));
    for (const memory of memories) {
      const failure = await memory.allocation;
      if (failure !== undefined) throw failure;
    }
    if (core.software) {
      await warmUp(core, core.pipelines.missing(lowered.dispatches));
    }
    const pipelines: GPUComputePipeline[] = [];
    for (const { shader, constants } of lowered.dispatches) {
      pipelines.push(await core.pipelines.get(shader, constants));
    }
    const buffers = await createBuffers(core, plan, lowered);
    try {
      const bindGroups = await core.guard.create(
        `bind ${plan.label}`,
        () => bindDispatches(core, lowered, buffers, memories),
      );
      const steps = lowered.dispatches.map(({ grid }, i): Step => ({
        pipeline: pipelines[i],
        bindGroup: bindGroups[i],
        grid,
        call: lowered.calls[i],
      }));
      return new WebgpuProgram(core, plan, memories, buffers, steps, onClose);
    } catch (error) {
      destroyBuffers(buffers);
      throw error;
    }
  }

  async run(
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>> {
    return await this.#run(inputs);
  }

  async #profile(
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<RunProfile> {
    const { device, guard } = this.#core;
    const clock = new DispatchClock(device, guard, this.#steps.length);
    try {
      const started = performance.now();
      await this.#run(inputs, clock);
      const total = performance.now() - started;
      const calls = this.#plan.calls.map(() => ({ busy: 0, waiting: 0 }));
      for (const [i, span] of (await clock.read()).entries()) {
        calls[this.#steps[i].call].busy += span;
      }
      return { calls, total };
    } finally {
      clock.close();
    }
  }

  async #run(
    inputs: Readonly<Record<string, HostArray>>,
    clock?: DispatchClock,
  ): Promise<Record<string, HostArray>> {
    if (this.#closed) {
      throw new TypeError(`Cannot run the ${this.#plan.label}: it is closed`);
    }
    checkInputs(this.#plan, inputs);
    const slot = this.#buffers.ring[this.#runs++ % RING_SIZE];
    const outputs = this.#core.timeline.add(
      slot.busy,
      () => ({ finished: this.#submit(inputs, slot, clock) }),
    ).then(({ finished }) => finished);
    const end = outputs.then(() => {}, () => {});
    slot.busy = end;
    end.then(() => {
      if (slot.busy === end) slot.busy = undefined;
    });
    return await outputs;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this);
    const busy = this.#buffers.ring.flatMap(({ busy }) => busy ?? []);
    if (busy.length === 0) destroyBuffers(this.#buffers);
    else Promise.all(busy).then(() => destroyBuffers(this.#buffers));
  }

  #submit(
    inputs: Readonly<Record<string, HostArray>>,
    slot: Slot,
    clock: DispatchClock | undefined,
  ): Promise<Record<string, HostArray>> {
    const { device, guard } = this.#core;
    guard.check();
    for (const memory of this.#memories) {
      if (memory.closed) {
        throw new TypeError(
          `Cannot run ${this.#plan.label}: memory ${memory.label} is closed`,
        );
      }
    }
    for (const [name, data] of Object.entries(inputs)) {
      const { buffer, offset } = this.#find(this.#plan.inputs.get(name)!);
      device.queue.writeBuffer(buffer, offset, data);
    }
    const what = `run ${this.#plan.label}`;
    const encoder = device.createCommandEncoder({ label: this.#plan.label });
    this.#encode(encoder, clock);
    this.#copyOutputs(encoder, slot, clock);
    device.queue.submit([encoder.finish()]);
    return guard.watch(this.#collect(slot), what);
  }

  /** One pass, or with a clock one for each dispatch. */
  #encode(
    encoder: GPUCommandEncoder,
    clock: DispatchClock | undefined,
  ): void {
    const { label } = this.#plan;
    let pass = clock ? undefined : encoder.beginComputePass({ label });
    for (const [i, { pipeline, bindGroup, grid }] of this.#steps.entries()) {
      if (clock) {
        const timestampWrites = clock.writes(i);
        pass = encoder.beginComputePass({ label, timestampWrites });
      }
      pass?.setPipeline(pipeline);
      pass?.setBindGroup(0, bindGroup);
      pass?.dispatchWorkgroups(...grid);
      if (clock) pass?.end();
    }
    if (!clock) pass?.end();
  }

  #copyOutputs(
    encoder: GPUCommandEncoder,
    slot: Slot,
    clock: DispatchClock | undefined,
  ): void {
    clock?.resolve(encoder);
    for (const [name, place] of this.#plan.outputs) {
      const { buffer, offset } = this.#find(place);
      encoder.copyBufferToBuffer(
        buffer,
        offset,
        slot.buffer,
        this.#stagingOffsets.get(name)!,
        wordBytes(place),
      );
    }
  }

  async #collect(slot: Slot): Promise<Record<string, HostArray>> {
    const outputs: Record<string, HostArray> = {};
    if (this.#plan.outputs.size === 0) {
      await this.#core.device.queue.onSubmittedWorkDone();
      return outputs;
    }
    await this.#core.readback.map(slot.buffer);
    const mapped = slot.buffer.getMappedRange();
    for (const [name, { shape, dtype }] of this.#plan.outputs) {
      const start = this.#stagingOffsets.get(name)!;
      const bytes = mapped.slice(start, start + byteLength(shape, dtype));
      outputs[name] = dtype === "i32"
        ? new Int32Array(bytes)
        : dtype === "f32"
        ? new Float32Array(bytes)
        : Float32Array.from(new Float16Array(bytes));
    }
    slot.buffer.unmap();
    return outputs;
  }

  #find(place: Place): { buffer: GPUBuffer; offset: number } {
    const { block } = place;
    const { arena } = this.#buffers;
    return (block === 0 ? arena : this.#memories[block - 1].block).at(place);
  }
}

function memoryOf(plan: Plan, memory: Memory): WebgpuMemory {
  if (memory instanceof WebgpuMemory) return memory;
  throw new DeviceError(
    `Cannot compile ${plan.label}: got a memory of another engine`,
  );
}
