import { checkAccess } from "../check_memory.ts";
import type { DeviceError, HostArray, Memory } from "../engine.ts";
import { Block } from "./block.ts";
import type { Guard } from "./guard.ts";
import type { DeviceLimits } from "./limits.ts";
import type { Readback } from "./readback.ts";
import type { Timeline } from "./timeline.ts";

/** What the parts of one engine share. */
export interface Core {
  readonly device: GPUDevice;
  readonly guard: Guard;
  readonly timeline: Timeline;
  readonly readback: Readback;
  readonly limits: DeviceLimits;
}

/** A persistent memory. */
export class WebgpuMemory implements Memory {
  readonly label: string;
  readonly bytes: number;
  readonly block: Block;
  /** Settles with what the device said about the allocation. */
  readonly allocation: Promise<DeviceError | undefined>;
  readonly #core: Core;
  readonly #onClose: (memory: WebgpuMemory) => void;
  #closed = false;

  constructor(
    core: Core,
    bytes: number,
    label: string,
    onClose: (memory: WebgpuMemory) => void,
  ) {
    this.#core = core;
    this.#onClose = onClose;
    this.label = label;
    this.bytes = bytes;
    const { made, error } = core.guard.createLater(
      `allocate ${bytes} bytes for ${label}`,
      () =>
        new Block(core.device, {
          label,
          bytes,
          bufferBytes: core.limits.bufferBytes,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
            GPUBufferUsage.COPY_DST,
        }),
    );
    this.block = made;
    this.allocation = error;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(data: HostArray, offset: number): void {
    this.#check("write", offset, data.byteLength);
    const { device, timeline } = this.#core;
    const kept = timeline.blocked ? data.slice() : data;
    timeline.add(undefined, () => {
      if (this.#closed) return;
      for (const piece of this.block.pieces(offset, kept.byteLength)) {
        const from = kept.byteOffset + piece.from;
        const bytes = new Uint8Array(kept.buffer, from, piece.bytes);
        device.queue.writeBuffer(piece.buffer, piece.offset, bytes);
      }
    }).catch((error) => this.#core.guard.fail(String(error)));
  }

  read(offset: number, bytes: number): Promise<ArrayBuffer> {
    this.#check("read", offset, bytes);
    return this.#core.timeline.add(undefined, () => this.#read(offset, bytes));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this);
    // Runs that wait for a staging buffer have not been submitted yet.
    this.#core.timeline.add(undefined, () => this.block.destroy());
  }

  /** Reads buffer by buffer; a range within one buffer is read at once. */
  async #read(offset: number, bytes: number): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const reads = [...this.block.pieces(offset, bytes)]
      .map((piece) => this.#readPiece(piece));
    if (reads.length === 1) return await reads[0];
    const whole = new Uint8Array(bytes);
    let from = 0;
    for (const part of await Promise.all(reads)) {
      whole.set(new Uint8Array(part), from);
      from += part.byteLength;
    }
    return whole.buffer;
  }

  async #readPiece(
    { buffer, offset, bytes }: {
      buffer: GPUBuffer;
      offset: number;
      bytes: number;
    },
  ): Promise<ArrayBuffer> {
    const { device, guard } = this.#core;
    const what = `read ${bytes} bytes of ${this.label}`;
    const { made: staging, error } = guard.createLater(
      what,
      () =>
        device.createBuffer({
          label: `${this.label} read`,
          size: bytes,
          usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
        }),
    );
    const encoder = device.createCommandEncoder({ label: what });
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    const mapped = staging.mapAsync(GPUMapMode.READ);
    const copied = guard.watch(
      mapped.then(() => {
        const copy = staging.getMappedRange().slice(0);
        staging.unmap();
        return copy;
      }).finally(() => staging.destroy()),
      what,
    );
    const failure = await error ?? await this.allocation;
    const copy = await copied;
    if (failure !== undefined) throw failure;
    return copy;
  }

  #check(verb: "read" | "write", offset: number, bytes: number): void {
    this.#core.guard.check();
    checkAccess(this, verb, offset, bytes);
  }
}
