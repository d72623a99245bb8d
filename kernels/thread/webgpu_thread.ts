/**
 * The thread that WebGPU runs on. Deno blocks a thread that waits for a device,
 * be it for results or to hand over the next run: this one has nothing else to
 * do.
 *
 * @module
 */

import { type MessagePort, parentPort } from "node:worker_threads";
import { type CheckedOptions, openCheckedWebgpu } from "../open_webgpu.ts";
import { kernels } from "../webgpu/kernels.ts";
import { packError } from "./messages.ts";
import { serve } from "./serve.ts";
import type { Start } from "./start.ts";

async function start(
  { port, options }: { port: MessagePort; options: CheckedOptions },
): Promise<void> {
  let reply: Start;
  try {
    const { engine, staleTuning } = await openCheckedWebgpu(options);
    const { name, description, limits } = engine;
    const half = engine.half &&
      new Map([...kernels].map(([kernel]) => [kernel, engine.half!(kernel)]));
    reply = { served: { name, description, limits, half }, staleTuning };
    serve(port, engine);
  } catch (error) {
    reply = { error: packError(error) };
    port.close();
  }
  parentPort!.postMessage(reply);
}

parentPort!.once("message", start);
