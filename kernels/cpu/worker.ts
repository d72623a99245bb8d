/**
 * What a worker thread of the pool does.
 *
 * @module
 */

import type { Entry } from "./blas_worker.ts";

/** From the pool to a worker. */
export type ToWorker =
  | {
    readonly kind: "open";
    readonly module: WebAssembly.Module;
    readonly memory: WebAssembly.Memory;
    readonly thread: number;
    readonly threads: number;
    readonly spins: number;
    /** The path of the library whose products to use. */
    readonly blas?: string;
  }
  | {
    readonly kind: "add";
    readonly program: number;
    readonly phases: readonly { entry: string; args: readonly number[] }[];
  }
  | { readonly kind: "remove"; readonly program: number }
  | {
    readonly kind: "run";
    readonly program: number;
    readonly profile: boolean;
  };

/**
 * From a worker to the pool: it is open; it was the last to end a run; or, of
 * every worker before its end of a profiled run, the milliseconds that each
 * phase took and then waited.
 */
export type FromWorker = "open" | "done" | Float64Array;

/** Addresses in the reserved page that pool, workers and barrier share. */
export interface Control {
  /** Threads at the barrier, its generation, 1 + the phase that failed. */
  readonly barrier: number;
  /** Threads that have ended the run. */
  readonly left: number;
  /** Bytes of the message of the failure; the text follows. */
  readonly message: number;
  /** Threads inside the BLAS library, less 2^30 when it is closed to them. */
  readonly blas: number;
}

/** The control words' addresses, each group on a cache line of its own. */
export const CONTROL: Control = {
  barrier: 1024,
  left: 1152,
  message: 1280,
  blas: 2432,
};

/** A worker's end of the way to its pool. */
export interface Port {
  on(event: "message", take: (message: ToWorker) => void): unknown;
  postMessage(message: FromWorker): void;
}

/** The longest message of a failure, in bytes. */
export const MAX_MESSAGE_BYTES = 1024;

/**
 * The body of a worker. It is started from its own text, so that opening an
 * engine reads no file, and therefore refers to nothing outside itself.
 */
export function work(
  port: Port,
  control: Control,
  maxMessageBytes: number,
  openBlas: (
    path: string,
    memory: WebAssembly.Memory,
    exports: WebAssembly.Exports,
  ) => Record<string, Entry>,
): void {
  type Call = [entry: Entry, args: number[]];
  const programs = new Map<number, Call[]>();
  let exports: WebAssembly.Exports;
  let entries: Record<string, Entry>;
  let words: Int32Array;
  let memory: WebAssembly.Memory;
  let thread = 0, threads = 1, spins = 0;

  function fail(phase: number, error: unknown): void {
    const at = control.barrier / 4 + 2;
    if (Atomics.compareExchange(words, at, 0, phase + 1) !== 0) return;
    const text = new TextEncoder().encode(String(error));
    const bytes = text.subarray(0, maxMessageBytes);
    new Uint8Array(memory.buffer).set(bytes, control.message + 4);
    Atomics.store(words, control.message / 4, bytes.length);
  }

  function run(calls: Call[], times: Float64Array | undefined): void {
    const barrier = exports.barrier as (...args: number[]) => number;
    let mark = times ? performance.now() : 0;
    const lap = (index: number) => {
      if (!times) return;
      const now = performance.now();
      times[index] = now - mark;
      mark = now;
    };
    for (let phase = 0; phase < calls.length; phase++) {
      const [entry, args] = calls[phase];
      try {
        entry(...args);
      } catch (error) {
        fail(phase, error);
      }
      lap(2 * phase);
      const failed = barrier(control.barrier, threads, spins);
      lap(2 * phase + 1);
      // A faster thread may have failed in the next phase already; it waits
      // for this one there.
      if (failed !== 0 && failed <= phase + 1) break;
    }
    if (times) port.postMessage(times);
    if (Atomics.add(words, control.left / 4, 1) === threads - 1) {
      port.postMessage("done");
    }
  }

  port.on("message", (message: ToWorker) => {
    if (message.kind === "run") {
      const calls = programs.get(message.program) ?? [];
      const { profile } = message;
      run(calls, profile ? new Float64Array(2 * calls.length) : undefined);
    } else if (message.kind === "add") {
      const calls = message.phases.map(({ entry, args }): Call => [
        entries[entry],
        [...args, thread, threads],
      ]);
      programs.set(message.program, calls);
    } else if (message.kind === "remove") {
      programs.delete(message.program);
    } else {
      ({ memory, thread, threads, spins } = message);
      words = new Int32Array(memory.buffer, 0, 16384);
      const imports = { env: { memory } };
      exports = new WebAssembly.Instance(message.module, imports).exports;
      const { blas } = message;
      const more = blas ? openBlas(blas, memory, exports) : {};
      entries = { ...exports as Record<string, Entry>, ...more };
      port.postMessage("open");
    }
  });
}
