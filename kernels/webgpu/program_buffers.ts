import {
  alignPlace,
  byteLength,
  type Place,
  type Plan,
  wordBytes,
} from "../engine.ts";
import { Block } from "./block.ts";
import type { Lowered } from "./compile.ts";
import type { Shader } from "./kernel.ts";
import type { Core, WebgpuMemory } from "./memory.ts";
import { SCRATCH_BLOCK } from "./scratch.ts";

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
  readonly arena: Block;
  readonly scratch: Block;
  readonly uniforms: Block;
  readonly ring: readonly Slot[];
}

/**
 * Allocates what a program needs and writes its uniforms.
 *
 * @throws {DeviceError} If there is not enough memory.
 */
export async function createBuffers(
  { device, guard, limits }: Core,
  plan: Plan,
  { scratchBytes, dispatches }: Lowered,
): Promise<Buffers> {
  const staging = alignPlace(Math.max(stagingLayout(plan).bytes, 1));
  const made: { destroy(): void }[] = [];
  const keep = <T extends { destroy(): void }>(part: T): T => {
    made.push(part);
    return part;
  };
  const { bufferBytes } = limits;
  const block = (part: string, bytes: number, usage: number) => {
    const label = `${plan.label} ${part}`;
    return keep(new Block(device, { label, bytes, usage, bufferBytes }));
  };
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const what = `allocate ${plan.arenaBytes + scratchBytes} bytes ` +
    `for ${plan.label}`;
  try {
    const buffers = await guard.create(what, () => ({
      arena: block("arena", plan.arenaBytes, STORAGE | COPY_SRC | COPY_DST),
      scratch: block("scratch", scratchBytes, STORAGE),
      uniforms: block(
        "uniforms",
        dispatches.length * UNIFORM_BYTES,
        UNIFORM | COPY_DST,
      ),
      ring: Array.from({ length: RING_SIZE }, (_, i) => ({
        buffer: keep(device.createBuffer({
          label: `${plan.label} staging ${i}`,
          size: staging,
          usage: MAP_READ | COPY_DST,
        })),
      })),
    }));
    const uniforms = uniformsOf(dispatches);
    const pieces = buffers.uniforms.pieces(0, uniforms.byteLength);
    for (const { buffer, offset, from, bytes } of pieces) {
      const words = uniforms.subarray(from / 4, (from + bytes) / 4);
      device.queue.writeBuffer(buffer, offset, words);
    }
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
  for (const block of [arena, scratch, uniforms]) block.destroy();
  for (const { buffer } of ring) buffer.destroy();
}

/** Where a plan's outputs lie in a staging buffer, in bytes. */
export function stagingLayout(
  plan: Plan,
): { offsets: Map<string, number>; bytes: number } {
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const [name, place] of plan.outputs) {
    offsets.set(name, bytes);
    bytes += wordBytes(place);
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
  const blockOf = ({ block }: Place): Block => {
    if (block === SCRATCH_BLOCK) return buffers.scratch;
    return block === 0 ? buffers.arena : memories[block - 1].block;
  };
  return dispatches.map(({ shader, places }, i) => {
    const ranges = shader.bindings.map((_, binding): GPUBufferBinding => {
      const place = places[binding];
      // Absent operands get a range of their own, which no kernel touches.
      if (place === undefined) {
        return { buffer: core.absent, offset: binding * 256, size: 256 };
      }
      const bytes = byteLength(place.shape, place.dtype);
      const size = Math.ceil(bytes / 16) * 16;
      return { ...blockOf(place).at(place), size };
    });
    if (shader.uniform) {
      const part = buffers.uniforms.at({ offset: i * UNIFORM_BYTES });
      ranges.push({ ...part, size: UNIFORM_BYTES });
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
