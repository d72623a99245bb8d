/**
 * Loads a checkpoint into the CPU engine and prints, as JSON, what that took:
 * milliseconds, and the peak of resident memory over the process's base in
 * bytes. A program of its own, since the peak is the process's; Linux only.
 *
 * @module
 */

import { findMethod, resolveOptions } from "../../core/methods/mod.ts";
import { modelShape } from "../../core/models/architectures.ts";
import { readBackbone } from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import { openCpuEngine } from "../../kernels/cpu/engine.ts";

function peak(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
}

const engine = await openCpuEngine({ threads: 1 });
const method = findMethod("alore");
const base = peak();
const start = performance.now();
const backbone = await readBackbone(Deno.args[0]);
const options = resolveOptions(method, {}, modelShape(backbone.config));
const seed = 0;
const request = { engine, backbone, method, options, classes: 10, seed };
using _model = buildModel(request);
const milliseconds = performance.now() - start;
await Deno.stdout.write(
  new TextEncoder().encode(
    JSON.stringify({ milliseconds, bytes: peak() - base }),
  ),
);
