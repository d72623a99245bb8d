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
import { Calls } from "./calls.ts";
import { Thread } from "./thread.ts";
import { ThreadEngine } from "./thread_engine.ts";

const MODULE = new URL("./webgpu_thread.ts", import.meta.url);

/** Those that have no engine. */
const idle: Thread[] = [];

function take(): Thread {
  for (let thread; (thread = idle.pop()) !== undefined;) {
    if (!thread.ended) return thread;
  }
  return new Thread(MODULE);
}

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
export async function findOnThread(): Promise<
  { readonly adapter: AdapterReport | undefined } | undefined
> {
  const thread = take();
  try {
    return { adapter: await new Calls(thread).ask({ kind: "find" }) };
  } catch (error) {
    if (!thread.answered) return undefined;
    throw error;
  } finally {
    idle.push(thread);
  }
}

/**
 * Opens WebGPU as `openCheckedWebgpu` does on this thread.
 *
 * @param module What the thread runs, where that is not what it usually runs.
 * @returns Undefined if no thread can be started.
 * @throws {DeviceError} If there is no such device, or it computes wrong numbers.
 */
export async function openOnThread(
  options: CheckedOptions,
  module?: URL,
): Promise<CheckedWebgpu | undefined> {
  const thread = module ? new Thread(module) : take();
  const release = () => {
    if (!module) idle.push(thread);
  };
  const calls = new Calls(thread);
  try {
    const opened = await calls.ask({
      kind: "open",
      engine: calls.engine,
      options,
    });
    const { staleTuning } = opened;
    return { engine: new ThreadEngine(calls, opened, release), staleTuning };
  } catch (error) {
    if (!thread.answered) return undefined;
    release();
    throw error;
  }
}
