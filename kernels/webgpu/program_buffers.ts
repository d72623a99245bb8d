import { alignPlace, byteLength, type Place, type Plan } from "../engine.ts";
import { type Lowered, SCRATCH_BLOCK } from "./compile.ts";
import type { Shader } from "./kernel.ts";
import type { Core, WebgpuMemory } from "./memory.ts";

/** Runs that may be under way before a run waits for the oldest. */
export const RING_SIZE = 8;

/** One dispatch's part of the uniform buffer: the offset alignment. */
const UNIFORM_BYTES = 256;

/** A staging buffer, and the end of the run that uses it. */
export interface Slot {
  readonly buffer: GPUBuffer;
  busy?: Promise<void>;
}

/** Everything that a program allocates. */
export interface Buffers {
  readonly arena: GPUBuffer;
  readonly scratch: GPUBuffer;
  readonly uniforms: GPUBuffer;
  readonly ring: readonly Slot[];
}

/**
 * Allocates what a program needs and writes its uniforms.
 *
 * @throws {DeviceError} If there is not enough memory.
 */
export async function createBuffers(
  { device, guard }: Core,
  plan: Plan,
  { scratchBytes, dispatches }: Lowered,
): Promise<Buffers> {
  const staging = stagingLayout(plan).bytes;
  const made: GPUBuffer[] = [];
  const create = (part: string, bytes: number, usage: number) => {
    const label = `${plan.label} ${part}`;
    const size = alignPlace(Math.max(bytes, 1));
    const buffer = device.createBuffer({ label, size, usage });
    made.push(buffer);
    return buffer;
  };
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const what = `allocate ${plan.arenaBytes + scratchBytes} bytes ` +
    `for ${plan.label}`;
  try {
    const buffers = await guard.create(what, () => ({
      arena: create("arena", plan.arenaBytes, STORAGE | COPY_SRC | COPY_DST),
      scratch: create("scratch", scratchBytes, STORAGE),
      uniforms: create(
        "uniforms",
        dispatches.length * UNIFORM_BYTES,
        UNIFORM | COPY_DST,
      ),
      ring: Array.from({ length: RING_SIZE }, (_, i) => ({
        buffer: create(`staging ${i}`, staging, MAP_READ | COPY_DST),
      })),
    }));
    device.queue.writeBuffer(buffers.uniforms, 0, uniformsOf(dispatches));
    return buffers;
  } catch (error) {
    for (const buffer of made) buffer.destroy();
    throw error;
  }
}

/** Destroys what {@linkcode createBuffers} made; nothing may be mapped. */
export function destroyBuffers(
  { arena, scratch, uniforms, ring }: Buffers,
): void {
  for (const buffer of [arena, scratch, uniforms]) buffer.destroy();
  for (const { buffer } of ring) buffer.destroy();
}

/** Where a plan's outputs lie in a staging buffer, in bytes. */
export function stagingLayout(
  plan: Plan,
): { offsets: Map<string, number>; bytes: number } {
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const [name, { shape }] of plan.outputs) {
    offsets.set(name, bytes);
    bytes += byteLength(shape);
  }
  return { offsets, bytes };
}

/** Binds the operands of every dispatch. */
export function bindDispatches(
  core: Core & {
    readonly pipelines: {
      layout(shader: Shader): GPUBindGroupLayout;
    };
    readonly absent: GPUBuffer;
  },
  { dispatches }: Lowered,
  buffers: Buffers,
  memories: readonly WebgpuMemory[],
): GPUBindGroup[] {
  const bufferOf = ({ block }: Place): GPUBuffer => {
    if (block === SCRATCH_BLOCK) return buffers.scratch;
    return block === 0 ? buffers.arena : memories[block - 1].buffer;
  };
  return dispatches.map(({ shader, places }, i) => {
    const ranges = shader.bindings.map((_, binding): GPUBufferBinding => {
      const place = places[binding];
      // Absent operands get a range of their own, which no kernel touches.
      if (place === undefined) {
        return { buffer: core.absent, offset: binding * 256, size: 256 };
      }
      const size = Math.ceil(byteLength(place.shape) / 16) * 16;
      return { buffer: bufferOf(place), offset: place.offset, size };
    });
    if (shader.uniform) {
      const offset = i * UNIFORM_BYTES;
      ranges.push({ buffer: buffers.uniforms, offset, size: UNIFORM_BYTES });
    }
    return core.device.createBindGroup({
      label: shader.name,
      layout: core.pipelines.layout(shader),
      entries: ranges.map((resource, binding) => ({ binding, resource })),
    });
  });
}

function uniformsOf(
  dispatches: Lowered["dispatches"],
): Uint32Array<ArrayBuffer> {
  const words = UNIFORM_BYTES / 4;
  const all = new Uint32Array(Math.max(1, dispatches.length) * words);
  dispatches.forEach(({ uniform }, i) => {
    if (uniform) all.set(uniform, i * words);
  });
  return all;
}
