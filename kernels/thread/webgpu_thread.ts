/**
 * The thread that WebGPU runs on. Deno blocks a thread that waits for a device,
 * be it for results or to hand over the next run: this one has nothing else to
 * do.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import { type CheckedOptions, openCheckedWebgpu } from "../open_webgpu.ts";
import { kernels } from "../webgpu/kernels.ts";
import { serve } from "./serve.ts";
import type { Hello } from "./thread.ts";

async function open(options: CheckedOptions) {
  const { engine, staleTuning } = await openCheckedWebgpu(options);
  const half = engine.half &&
    new Map([...kernels].map(([kernel]) => [kernel, engine.half!(kernel)]));
  return { engine, staleTuning, half };
}

parentPort!.once("message", ({ port, signal }: Hello) => {
  serve(port, open, signal);
});
