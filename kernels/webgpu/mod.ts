/**
 * The engine that runs plans on WebGPU, in hand-written WGSL.
 *
 * @module
 */
export { type AdapterReport, findAdapter } from "./adapter.ts";
export { openWebgpuEngine, type WebgpuOptions } from "./engine.ts";
