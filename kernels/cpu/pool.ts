/**
 * Worker threads over one shared memory that run programs phase by phase.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import { DeviceError } from "../engine.ts";
import { blasAttentionEntries } from "./blas_attention.ts";
import { BLAS_SYMBOLS } from "./blas_symbols.ts";
import { blasEntries } from "./blas_worker.ts";
import type { Heap } from "./heap.ts";
import { InlineWorker } from "./inline_worker.ts";
import type { Phase } from "./lower/lowering.ts";
import {
  CONTROL,
  type FromWorker,
  MAX_MESSAGE_BYTES,
  type ToWorker,
  work,
} from "./worker.ts";

/** Looks at the barrier before a thread sleeps: some tens of microseconds. */
const SPINS = 20000;

/** Makes the count of threads in the BLAS library negative. */
const BLAS_CLOSED = 2 ** 30;

/** Milliseconds that a call of BLAS may take. */
const LONGEST_PRODUCT = 10_000;

function startWorker(): Worker {
  const source = `import { parentPort } from "node:worker_threads";
const symbols = ${JSON.stringify(BLAS_SYMBOLS)};
(${work})(parentPort, ${JSON.stringify(CONTROL)}, ${MAX_MESSAGE_BYTES},
  (...rest) => (${blasEntries})(symbols, ${blasAttentionEntries},
    ${CONTROL.blas}, ...rest));`;
  return new Worker(
    new URL(`data:application/javascript,${encodeURIComponent(source)}`),
  );
}

/** What the pool uses of a worker. */
interface PoolWorker {
  on(event: "message", listener: (message: FromWorker) => void): unknown;
  on(event: "error", listener: (cause: unknown) => void): unknown;
  postMessage(message: ToWorker): void;
  ref(): void;
  unref(): void;
  terminate(): unknown;
}

/** A pool runs one program at a time; its owner keeps the order. */
export class Pool {
  readonly threads: number;
  readonly #heap: Heap;
  readonly #workers: readonly PoolWorker[];
  readonly #programs = new Map<number, readonly Phase[]>();
  #nextProgram = 1;
  #settle: PromiseWithResolvers<void> | undefined;
  #broken: DeviceError | undefined;
  #recorded: PromiseWithResolvers<void> | undefined;
  #times: Float64Array[] = [];
  readonly #atExit = () => this.#leaveBlas();

  private constructor(heap: Heap, workers: readonly PoolWorker[]) {
    this.#heap = heap;
    this.#workers = workers;
    this.threads = workers.length;
  }

  /**
   * Starts `threads` workers that run `module` on the heap's memory.
   *
   * @param threads With 0 the caller's thread is the only worker.
   * @param blas The path of the BLAS library that they open.
   */
  static async open(
    module: WebAssembly.Module,
    heap: Heap,
    threads: number,
    blas?: string,
  ): Promise<Pool> {
    const workers: PoolWorker[] = threads === 0
      ? [new InlineWorker()]
      : Array.from({ length: threads }, startWorker);
    const pool = new Pool(heap, workers);
    const opened = Promise.withResolvers<void>();
    let missing = workers.length;
    pool.#settle = opened;
    for (const [thread, worker] of workers.entries()) {
      worker.on("message", (message: FromWorker) => {
        if (message === "done") pool.#finish();
        else if (message !== "open") pool.#record(message);
        else if (--missing === 0) opened.resolve();
      });
      worker.on("error", (cause: unknown) => pool.#break(cause));
      const { memory } = heap;
      const spins = threads <= navigator.hardwareConcurrency ? SPINS : 0;
      pool.#post(worker, {
        kind: "open",
        module,
        memory,
        thread,
        threads: workers.length,
        spins,
        blas,
      });
    }
    await opened.promise;
    pool.#settle = undefined;
    for (const worker of workers) worker.unref();
    if (blas) addEventListener("unload", pool.#atExit);
    return pool;
  }

  /** Makes a program known to the workers. */
  add(phases: readonly Phase[]): number {
    const program = this.#nextProgram++;
    this.#programs.set(program, phases);
    for (const worker of this.#workers) {
      this.#post(worker, { kind: "add", program, phases });
    }
    return program;
  }

  /** Forgets a program that is not running. */
  remove(program: number): void {
    this.#programs.delete(program);
    for (const worker of this.#workers) {
      this.#post(worker, { kind: "remove", program });
    }
  }

  /**
   * Runs a program once.
   *
   * @throws {DeviceError} If a kernel fails; the message names it.
   */
  async run(program: number): Promise<void> {
    await this.#run(program);
  }

  /**
   * Runs a program once and reads the clocks of the workers.
   *
   * @returns Of each worker, for each phase, milliseconds of work and of
   * waiting for the others, in turn.
   * @throws {DeviceError} If a kernel fails; the message names it.
   */
  async profile(program: number): Promise<readonly Float64Array[]> {
    const recorded = this.#recorded = Promise.withResolvers<void>();
    // A run that fails earlier does not wait for it.
    recorded.promise.catch(() => {});
    this.#times = [];
    await this.#run(program, recorded.promise);
    return this.#times;
  }

  async #run(program: number, recorded?: Promise<void>): Promise<void> {
    if (this.#broken) throw this.#broken;
    const words = this.#words();
    words.fill(0, CONTROL.barrier / 4, CONTROL.message / 4 + 1);
    const settle = this.#settle = Promise.withResolvers<void>();
    // Only a run in progress keeps the process alive.
    for (const worker of this.#workers) worker.ref();
    for (const worker of this.#workers) {
      this.#post(worker, { kind: "run", program, profile: !!recorded });
    }
    try {
      await settle.promise;
      await recorded;
    } finally {
      this.#settle = undefined;
      for (const worker of this.#workers) worker.unref();
    }
    const failed = words[CONTROL.barrier / 4 + 2];
    if (failed !== 0) throw this.#failure(program, failed - 1);
  }

  /** Stops the workers; a run in progress is rejected. */
  close(): void {
    this.#break(undefined);
    removeEventListener("unload", this.#atExit);
    this.#leaveBlas();
    for (const worker of this.#workers) worker.terminate();
  }

  /**
   * Keeps workers out of the BLAS library from now on: at exit it frees the
   * memory that its calls work in.
   */
  #leaveBlas(): void {
    const words = this.#words();
    const index = CONTROL.blas / 4;
    if (words[index] >= 0) Atomics.sub(words, index, BLAS_CLOSED);
    const deadline = performance.now() + LONGEST_PRODUCT;
    let inside = Atomics.load(words, index) + BLAS_CLOSED;
    while (inside > 0 && performance.now() < deadline) {
      Atomics.wait(words, index, inside - BLAS_CLOSED, 100);
      inside = Atomics.load(words, index) + BLAS_CLOSED;
    }
  }

  #words(): Int32Array {
    return new Int32Array(this.#heap.memory.buffer, 0, 16384);
  }

  #failure(program: number, index: number): DeviceError {
    const length = this.#words()[CONTROL.message / 4];
    const text = new TextDecoder().decode(
      new Uint8Array(this.#heap.copy(CONTROL.message + 4, length)),
    );
    const phase = this.#programs.get(program)?.[index];
    return new DeviceError(
      `Cannot run kernel "${phase?.kernel}" (${phase?.entry}): ${text}`,
    );
  }

  #finish(): void {
    this.#settle?.resolve();
  }

  #record(times: Float64Array): void {
    this.#times.push(times);
    if (this.#times.length === this.threads) this.#recorded?.resolve();
  }

  #break(cause: unknown): void {
    this.#broken ??= cause === undefined
      ? new DeviceError("Cannot run a program: the CPU engine is closed")
      : new DeviceError("Cannot run a program: a worker thread has died", {
        cause,
      });
    this.#settle?.reject(this.#broken);
    this.#recorded?.reject(this.#broken);
  }

  #post(worker: PoolWorker, message: ToWorker): void {
    worker.postMessage(message);
  }
}
