import { fileURLToPath } from "node:url";
import { MessageChannel, Worker } from "node:worker_threads";
import { DeviceError } from "../engine.ts";
import type { CheckedOptions, CheckedWebgpu } from "../open_webgpu.ts";
import { Calls } from "./calls.ts";
import { type SentError, type Served, unpackError } from "./messages.ts";
import { ThreadEngine } from "./thread_engine.ts";

/** What a thread says when it has opened its engine, or not. */
export type Start =
  | { readonly served: Served; readonly staleTuning?: string }
  | { readonly error: SentError };

const MODULE = new URL("./webgpu_thread.ts", import.meta.url);

/** Whether a thread can be started without asking for a permission. */
export function mayStartThread(): boolean {
  // What came from a registry may be imported once more.
  if (MODULE.protocol !== "file:") return true;
  const path = fileURLToPath(MODULE);
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/**
 * Opens WebGPU on a thread of its own, as {@linkcode openCheckedWebgpu} does on
 * this one.
 *
 * @param module What the thread runs.
 * @returns Undefined if the thread cannot be started.
 * @throws {DeviceError} If it finds no such device, or that one computes wrong
 * numbers.
 */
export async function openOnThread(
  options: CheckedOptions,
  module: URL = MODULE,
): Promise<CheckedWebgpu | undefined> {
  const worker = new Worker(startable(module));
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ port: port2, options }, [port2]);
  const ended = new Promise<unknown>((resolve) => {
    worker.on("error", resolve);
    worker.on("exit", (code) => resolve(`exit code ${code}`));
  });
  const start = await Promise.race([
    new Promise<Start>((resolve) => worker.once("message", resolve)),
    ended.then(() => undefined),
  ]);
  // From here on only what is asked of the engine keeps the process alive.
  worker.unref();
  if (start === undefined) return undefined;
  if ("error" in start) throw unpackError(start.error);
  // A port ends with its thread, before that says why.
  const calls = new Calls(port1, worker);
  ended.then((cause) =>
    calls.fail(
      new DeviceError(`Cannot go on: the thread of WebGPU ended: ${cause}`),
    )
  );
  const engine = new ThreadEngine(calls, start.served, () => worker.ref());
  return { engine, staleTuning: start.staleTuning };
}

/** Threads start with files and data only; but data may import anything. */
function startable(module: URL): URL {
  if (["file:", "data:"].includes(module.protocol)) return module;
  const source = `import ${JSON.stringify(module.href)};`;
  return new URL(`data:application/javascript,${encodeURIComponent(source)}`);
}
