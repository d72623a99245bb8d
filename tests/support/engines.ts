/**
 * The engines that this machine has, for tests that run on each.
 *
 * @module
 */

import { BLAS_PATHS, openBlas } from "../../kernels/cpu/blas.ts";
import { openCpuEngine } from "../../kernels/cpu/engine.ts";
import { DeviceError, type Engine } from "../../kernels/engine.ts";
import { openEngine } from "../../kernels/open_engine.ts";
import { findAdapter, HALF_FEATURE } from "../../kernels/webgpu/adapter.ts";
import { openWebgpuEngine } from "../../kernels/webgpu/engine.ts";
import { kernels } from "../../kernels/webgpu/kernels.ts";

/** One engine that tests can open. */
export interface TestEngine {
  readonly name: string;
  /** The machine lacks what it wants, and it is not required. */
  readonly ignore: boolean;
  open(): Promise<Engine>;
}

const found = openBlas("auto");
found?.close();

if (!found && Deno.env.get("ALORE_REQUIRE_BLAS") === "1") {
  throw new DeviceError(
    "Cannot test with a BLAS library: got none that may be opened, wanted one " +
      "(ALORE_REQUIRE_BLAS=1)",
  );
}

/** The BLAS library that this machine has, if any. */
export const blasPath: string | undefined = found?.path;

const required = Deno.env.get("ALORE_REQUIRE_WEBGPU") === "1";
const adapter = await findAdapter();

/** The CPU engine with a BLAS library. */
export const cpuBlas: TestEngine = {
  name: "cpu-blas",
  ignore: blasPath === undefined,
  open: () => openCpuEngine({ blas: blasPath }),
};

/** The CPU engine with each library that this machine has besides. */
export const otherBlas: readonly TestEngine[] = BLAS_PATHS
  .filter((path) => path !== blasPath)
  .flatMap((path) => {
    const name = nameOf(path);
    if (name === undefined) return [];
    const open = () => openCpuEngine({ blas: path });
    return [{ name: `cpu, ${name}`, ignore: false, open }];
  });

function nameOf(path: string): string | undefined {
  try {
    const blas = openBlas(path);
    blas?.close();
    return blas?.name;
  } catch (error) {
    if (error instanceof DeviceError) return undefined;
    throw error;
  }
}

/**
 * WebGPU is left out without an adapter, unless ALORE_REQUIRE_WEBGPU=1; BLAS
 * without a library, unless ALORE_REQUIRE_BLAS=1.
 */
export const testEngines: readonly TestEngine[] = [
  { name: "cpu", ignore: false, open: () => openCpuEngine({ blas: "off" }) },
  cpuBlas,
  {
    name: "webgpu",
    ignore: !adapter && !required,
    // As users get it, on a thread of its own.
    open: () => openEngine("webgpu", { check: "never" }),
  },
];

const half = adapter?.features.includes(HALF_FEATURE) ?? false;

/** WebGPU with frozen weights and activations as f16, where it offers that. */
export const webgpuHalf: TestEngine = {
  name: "webgpu-f16",
  ignore: !half,
  open: () => openWebgpuEngine({ allowSoftware: true, precision: "f16" }),
};

/** Ops whose kernels, or how many lanes they take, depend on the adapter. */
const GPU_OPS = [
  "aggregate_experts",
  "attention",
  "attention_gradient",
  "layer_norm",
  "layer_norm_gradient",
  "layer_norm_parameter_gradient",
  "matmul",
];

/** The same with the kernels of each kind of adapter; `ops` are what differs. */
export const halfEngines: readonly (TestEngine & {
  readonly ops?: readonly string[];
})[] = [webgpuHalf, {
  name: "webgpu-f16, kernels for GPUs",
  ignore: !half,
  ops: GPU_OPS,
  open: () =>
    openWebgpuEngine({
      allowSoftware: true,
      treatAsSoftware: false,
      precision: "f16",
    }),
}];

/** WebGPU with the kernels that a real GPU gets, whatever adapter there is. */
export const gpuKernels: TestEngine = {
  name: "webgpu, kernels for GPUs",
  ignore: !adapter && !required,
  open: () => openWebgpuEngine({ allowSoftware: true, treatAsSoftware: false }),
};

/** WebGPU as on a software adapter of fewer lanes; `ops` are what differs. */
export const withoutSubgroups: TestEngine & { readonly ops: string[] } = {
  name: "webgpu, kernels without subgroups",
  ignore: !adapter && !required,
  open: () =>
    openWebgpuEngine({
      allowSoftware: true,
      treatAsSoftware: true,
      subgroups: false,
    }),
  ops: [...kernels.values()]
    .filter(({ shaders }) => shaders.some(({ subgroups }) => subgroups))
    .map(({ name }) => name),
};
