/**
 * The thread that WebGPU runs on. Deno blocks a thread that waits for a device,
 * be it for results or to hand over the next run: this one has nothing else to
 * do.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import { type CheckedOptions, openCheckedWebgpu } from "../open_webgpu.ts";
import { findAdapter } from "../webgpu/adapter.ts";
import { kernels } from "../webgpu/kernels.ts";
import { serve } from "./serve.ts";
import type { Hello } from "./thread.ts";

async function open(options: CheckedOptions) {
  const opened = await openCheckedWebgpu(options);
  const { half } = opened.engine;
  if (!half) return opened;
  const halves = [...kernels.keys()].map((name) => [name, half(name)] as const);
  return { ...opened, half: new Map(halves) };
}

parentPort!.once("message", ({ port, signal }: Hello) => {
  serve(port, { find: findAdapter, open }, signal);
});
