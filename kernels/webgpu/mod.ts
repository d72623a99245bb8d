/**
 * The engine that runs plans on WebGPU, in hand-written WGSL.
 *
 * @module
 */
export { type AdapterReport, findAdapter } from "./adapter.ts";
export { openWebgpuEngine, type WebgpuOptions } from "./engine.ts";
export {
  type ChooseMatmul,
  type MatmulVariant,
  variantName,
} from "./matmul_variant.ts";
export { productsOf } from "./plan_products.ts";
export { type TunedShape, tuneMatmul, type Tuner } from "./tune.ts";
export {
  loadTuning,
  saveTuning,
  type Tuning,
  tuningTarget,
} from "./tuning_file.ts";
