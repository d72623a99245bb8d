/**
 * WebGPU on a thread of its own.
 *
 * Such a thread is kept for the next engine, and sleeps in between: one that ends
 * unloads its drivers, which crashes Deno if the process ends at that moment.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { CheckedOptions, CheckedWebgpu } from "../open_webgpu.ts";
import type { AdapterReport } from "../webgpu/adapter.ts";
import { ThreadPool } from "./pool.ts";
import { ThreadEngine } from "./thread_engine.ts";

const MODULE = new URL("./webgpu_thread.ts", import.meta.url);

const threads = new ThreadPool(MODULE);

/** Whether a thread can be started without asking for a permission. */
export function mayStartThread(): boolean {
  // What came from a registry may be imported once more.
  if (MODULE.protocol !== "file:") return true;
  const path = fileURLToPath(MODULE);
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/**
 * Describes the adapter as `findAdapter` does on this thread.
 *
 * @returns Undefined if no thread can be started.
 */
export function findOnThread(): Promise<
  { readonly adapter: AdapterReport | undefined } | undefined
> {
  return threads.use(async (calls, release) => {
    const adapter = await calls.ask({ kind: "find" });
    release();
    return { adapter };
  });
}

/**
 * Opens WebGPU as `openCheckedWebgpu` does on this thread.
 *
 * @param pool Of threads that open it.
 * @returns Undefined if no thread can be started.
 * @throws {DeviceError} If there is no such device, or it computes wrong numbers.
 */
export function openOnThread(
  options: CheckedOptions,
  pool = threads,
): Promise<CheckedWebgpu | undefined> {
  return pool.use(async (calls, release) => {
    const { engine } = calls;
    const opened = await calls.ask({ kind: "open", engine, options });
    return {
      engine: new ThreadEngine(calls, opened, release),
      choose: (key, variant) => calls.order({ kind: "choose", key, variant }),
      staleTuning: opened.staleTuning,
    };
  });
}
