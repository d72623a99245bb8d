/**
 * The CPU engine: WASM SIMD kernels over one shared memory and a pool of
 * worker threads. Opening it needs no permission.
 *
 * @module
 */

import type {
  Engine,
  EngineLimits,
  KernelCall,
  Memory,
  Place,
  Plan,
  Program,
} from "../engine.ts";
import { DeviceError } from "../engine.ts";
import { type Blas, type BlasChoice, openBlas } from "./blas.ts";
import { Heap, MAX_PIECE_BYTES } from "./heap.ts";
import { kernels } from "./kernels.ts";
import { Lowering, type Phase } from "./lower/lowering.ts";
import { CpuMemory } from "./memory.ts";
import { Pool } from "./pool.ts";
import { CpuProgram } from "./program.ts";
import { Queue } from "./queue.ts";
import { PLAIN, RELAXED } from "./wasm_binary.ts";

/** Options of {@linkcode openCpuEngine}. */
export interface CpuEngineOptions {
  /**
   * Worker threads, 1 to 256, by default one for each logical processor; with 0
   * the calling thread computes and waits, which suits the smallest work.
   */
  threads?: number;
  /** Fused multiply-add where the machine has it; true by default. */
  relaxed?: boolean;
  /**
   * The BLAS library that multiplies matrices: `off`, the path of one, or by
   * default `auto`, the first usual one that may be opened without asking.
   */
  blas?: BlasChoice;
}

/**
 * Opens the CPU engine.
 *
 * @throws {RangeError} If `threads` is out of range.
 * @throws {DeviceError} If the workers do not start, or the BLAS library at
 * the path in `blas` cannot be used.
 */
export async function openCpuEngine(
  options: CpuEngineOptions = {},
): Promise<Engine> {
  const threads = options.threads ?? navigator.hardwareConcurrency;
  if (!Number.isInteger(threads) || threads < 0 || threads > 256) {
    throw new RangeError(
      `Cannot open the CPU engine: got ${threads} threads, wanted 0 to 256`,
    );
  }
  const fused = Uint8Array.fromBase64(RELAXED);
  const relaxed = (options.relaxed ?? true) && WebAssembly.validate(fused);
  const binary = relaxed ? fused : Uint8Array.fromBase64(PLAIN);
  const module = await WebAssembly.compile(binary);
  const heap = new Heap();
  const blas = openBlas(options.blas ?? "auto");
  try {
    const pool = await Pool.open(module, heap, threads, blas?.path);
    return new CpuEngine(heap, pool, relaxed, blas);
  } catch (error) {
    blas?.close();
    throw error;
  }
}

class CpuEngine implements Engine {
  readonly name = "cpu";
  readonly description: string;
  readonly limits: EngineLimits = {
    memoryBytes: MAX_PIECE_BYTES,
    tensorBytes: MAX_PIECE_BYTES,
  };
  readonly #heap: Heap;
  readonly #pool: Pool;
  readonly #blas: Blas | undefined;
  readonly #queue = new Queue();
  #closed = false;

  constructor(
    heap: Heap,
    pool: Pool,
    relaxed: boolean,
    blas: Blas | undefined,
  ) {
    this.#heap = heap;
    this.#pool = pool;
    this.#blas = blas;
    const { threads } = pool;
    const count = `${threads} ${threads === 1 ? "thread" : "threads"}`;
    const kind = blas?.name ?? (relaxed ? "WASM relaxed SIMD" : "WASM SIMD");
    this.description = `cpu engine, ${count}, ${kind}`;
  }

  allocate(bytes: number, label: string): Memory {
    this.#checkOpen();
    if (!(bytes > 0) || bytes > this.limits.memoryBytes) {
      throw new RangeError(
        `Cannot allocate "${label}": got ${bytes} bytes, wanted 1 to ` +
          `${this.limits.memoryBytes}`,
      );
    }
    return new CpuMemory(this.#heap, this.#queue, bytes, label);
  }

  // deno-lint-ignore require-await -- failures reject
  async compile(plan: Plan): Promise<Program> {
    this.#checkOpen();
    for (const memory of plan.memories) this.#own(memory);
    const arena = this.#heap.allocate(plan.arenaBytes);
    let scratch: number | undefined;
    try {
      const address = (place: Place) =>
        place.offset +
        (place.block === 0
          ? arena
          : this.#own(plan.memories[place.block - 1]).address);
      // Once to learn how much scratch space the calls want, once for real.
      const { bytes } = this.#lower(plan.calls, 0, address);
      scratch = this.#heap.allocate(bytes);
      const { phases } = this.#lower(plan.calls, scratch, address);
      return new CpuProgram({
        plan,
        phases,
        address,
        pieces: [arena, scratch],
        heap: this.#heap,
        pool: this.#pool,
        queue: this.#queue,
      });
    } catch (error) {
      this.#heap.free(arena);
      if (scratch !== undefined) this.#heap.free(scratch);
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pool.close();
    this.#blas?.close();
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new DeviceError("Cannot use the CPU engine: it is closed");
    }
  }

  #own(memory: Memory | undefined): CpuMemory {
    if (memory instanceof CpuMemory && memory.heap === this.#heap) {
      return memory;
    }
    throw new TypeError(
      `Cannot compile a plan: got memory "${memory?.label}", wanted one that ` +
        "this engine allocated",
    );
  }

  #lower(
    calls: readonly KernelCall[],
    scratch: number,
    address: (place: Place) => number,
  ): { phases: Phase[]; bytes: number } {
    const phases: Phase[] = [];
    let bytes = 0;
    for (const [index, call] of calls.entries()) {
      const lower = kernels.get(call.kernel);
      if (!lower) {
        throw new DeviceError(
          `Cannot compile kernel "${call.kernel}": the CPU engine has none`,
        );
      }
      const lowering = new Lowering(call, {
        threads: this.#pool.threads,
        blas: this.#blas,
        scratch,
        address,
      });
      for (const [entry, ...args] of lower(lowering)) {
        phases.push({ kernel: call.kernel, call: index, entry, args });
      }
      bytes = Math.max(bytes, lowering.scratchBytes);
    }
    return { phases, bytes };
  }
}
