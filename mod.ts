/**
 * Adapts frozen vision transformers to new image tasks with few trained numbers,
 * and folds them away afterwards.
 *
 * ```ts
 * import { adapt, openEngine, readBackbone, readDataset } from "./mod.ts";
 *
 * const engine = await openEngine("auto");
 * const backbone = await readBackbone("assets/vit_t8_32.safetensors");
 * const data = await readDataset("assets/digits_1k.safetensors");
 * using run = await adapt({
 *   engine, backbone, data, method: "alore", options: { experts: 4, rank: 4 },
 *   epochs: 1, lr: 1e-2,
 * });
 * const { top1 } = await run.evaluate("test");
 * const merged = await run.merge();
 * console.log(top1, merged.largestDifference);
 * // await merged.save("merged.safetensors");
 * engine.close();
 * ```
 *
 * Source of the method: Du et al., Efficient Visual Adaptation via Aggregating
 * Low Rank Experts, arXiv 2412.08341.
 *
 * @module
 */

export { type AugmentOptions, noAugment } from "./core/data/augment.ts";
export {
  type Dataset,
  type DatasetDescription,
  readDataset,
  type Resize,
  type Split,
  type SplitName,
  type UnsavedDataset,
  writeDataset,
} from "./core/data/dataset.ts";
export {
  type Attributes,
  Graph,
  type Node,
  type Op,
  type Shape,
  type Slot,
  type Source,
  Value,
} from "./core/graph/graph.ts";
export { Layout } from "./core/graph/layout.ts";
export { findMethod, methods, resolveOptions } from "./core/methods/mod.ts";
export type {
  BlockShape,
  BranchShape,
  HookContext,
  Hooks,
  Init,
  MergeContext,
  Method,
  MethodOptions,
  MethodTensor,
  ModelShape,
  OptionSpec,
} from "./core/methods/method.ts";
export {
  AdaptedModel,
  type ModelSpec,
  type NamedTensors,
  type TrainingInputs,
} from "./core/models/adapted_model.ts";
export {
  type Backbone,
  type Preprocess,
  readBackbone,
  type ReadBackboneOptions,
  scratchBackbone,
  writeBackbone,
  type WriteBackboneOptions,
} from "./core/models/backbone.ts";
export type { Filter } from "./core/data/resize.ts";
export type { ImageConfig } from "./core/models/architecture.ts";
export type { ModelConfig } from "./core/models/architectures.ts";
export { buildModel, type BuildRequest } from "./core/models/build_model.ts";
export {
  shareBackbone,
  SharedBackbone,
} from "./core/models/shared_backbone.ts";
export type { ConvNextConfig } from "./core/models/convnext.ts";
export type { SwinConfig } from "./core/models/swin.ts";
export type { Activation, VitConfig } from "./core/models/vit.ts";
export { findBackbone, zoo } from "./core/models/zoo.ts";
export {
  adapt,
  Adapted,
  type AdaptRequest,
  type Merged,
} from "./core/train/adapt.ts";
export { openAdapter, OpenedAdapter } from "./core/train/open_adapter.ts";
export type {
  EpochRecord,
  Evaluation,
  StepProgress,
} from "./core/train/records.ts";
export {
  defaultSettings,
  settingsFor,
  type TrainSettings,
} from "./core/train/settings.ts";
export { MERGE_TOLERANCE, type MergeCheck } from "./core/train/verify_merge.ts";
export { VERSION } from "./core/version.ts";
export type { WriteFileOptions } from "./core/weights/write_file.ts";
export {
  type CallTime,
  DeviceError,
  type Dtype,
  type Engine,
  type EngineLimits,
  type HalfOperands,
  type HostArray,
  type KernelCall,
  type Memory,
  type Place,
  type Plan,
  type Precision,
  type Program,
  type RunProfile,
  type StorageType,
} from "./kernels/engine.ts";
export type { BlasChoice } from "./kernels/cpu/blas.ts";
export {
  chooseEngine,
  type EngineChoice,
  type EngineName,
  type EngineOptions,
  openEngine,
} from "./kernels/open_engine.ts";
export { type AdapterReport, findAdapter } from "./kernels/webgpu/mod.ts";
