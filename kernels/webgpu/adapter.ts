import { DeviceError, type Precision } from "../engine.ts";
import { CLOCK_FEATURE } from "./dispatch_clock.ts";
import {
  SUBGROUP_FEATURE,
  SUBGROUP_LANES,
  subgroupDirective,
} from "./subgroups.ts";

/** Optional: shaders may read and write f16. */
export const HALF_FEATURE = "shader-f16";

/** What the machine offers to this engine. */
export interface AdapterReport {
  /** The adapter's own name. */
  readonly description: string;
  /** All that the adapter says of itself, in one line. */
  readonly id: string;
  /** Whether it computes on the processor (llvmpipe, SwiftShader, WARP). */
  readonly software: boolean;
  /** Whether it is a software one whose subgroups have eight lanes or more. */
  readonly subgroups: boolean;
  /** By the names of WebGPU. */
  readonly limits: Readonly<Record<string, number>>;
  /** Names of the optional WebGPU features that it offers. */
  readonly features: readonly string[];
}

/** The limits that the engine asks an adapter for, at their maximum. */
const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

const DRIVER_HINT = "install the GPU vendor's driver; for a software adapter " +
  "on Debian or Ubuntu: apt install mesa-vulkan-drivers";

const SOFTWARE_NAMES = /llvmpipe|lavapipe|swiftshader|basic render|softpipe/i;

/** Describes the adapter that an engine would use, if there is one. */
export async function findAdapter(): Promise<AdapterReport | undefined> {
  const adapter = await requestAdapter();
  return adapter === undefined ? undefined : reportOf(adapter);
}

/** A device, and what is known of it. */
export interface OpenedDevice {
  readonly device: GPUDevice;
  readonly report: AdapterReport;
  /** How WGSL with subgroups begins; undefined where the device has none. */
  readonly subgroupDirective: string | undefined;
}

/**
 * Opens the adapter with its full limits.
 *
 * @throws {DeviceError} If there is no adapter, or only a software one and
 * `allowSoftware` is false, or it gives no device, or does not offer f16 where
 * that is the precision.
 */
export async function openDevice(
  options: { allowSoftware: boolean; precision?: Precision },
): Promise<OpenedDevice> {
  const adapter = await requestAdapter();
  if (adapter === undefined) {
    const error = new DeviceError(
      "Cannot open a WebGPU device: got no adapter, wanted one from a " +
        "Vulkan, Metal or D3D12 driver",
    );
    throw Object.assign(error, { hint: DRIVER_HINT });
  }
  const report = reportOf(adapter);
  if (report.software && !options.allowSoftware) {
    throw new DeviceError(
      `Cannot open a WebGPU device: got the software adapter ` +
        `${report.description}, wanted hardware`,
    );
  }
  if (options.precision === "f16" && !adapter.features.has(HALF_FEATURE)) {
    const error = new DeviceError(
      `Cannot store numbers as f16: got ${report.description} without ` +
        `${HALF_FEATURE}, wanted an adapter that offers it`,
    );
    throw Object.assign(error, {
      hint: "--precision f32 needs no such adapter",
    });
  }
  const requiredLimits: Record<string, number> = {};
  for (const name of WANTED_LIMITS) requiredLimits[name] = report.limits[name];
  const requiredFeatures: GPUFeatureName[] = [
    ...adapter.features.has(CLOCK_FEATURE) ? [CLOCK_FEATURE] as const : [],
    ...options.precision === "f16" ? [HALF_FEATURE] as const : [],
  ];
  const request = (...features: GPUFeatureName[]) =>
    adapter.requestDevice({
      label: "alore",
      requiredLimits,
      requiredFeatures: [...requiredFeatures, ...features],
    });
  try {
    const device = report.software
      ? await request(SUBGROUP_FEATURE).catch(() => request())
      : await request();
    const directive = await subgroupDirective(device);
    const subgroups = report.subgroups && directive !== undefined;
    return {
      device,
      report: { ...report, subgroups },
      subgroupDirective: directive,
    };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DeviceError(
      `Cannot open a WebGPU device on ${report.description}: ${message}`,
    );
  }
}

async function requestAdapter(): Promise<GPUAdapter | undefined> {
  const gpu: GPU | undefined = navigator.gpu;
  if (gpu === undefined) return undefined;
  return await gpu.requestAdapter({
    powerPreference: "high-performance",
  }) ?? undefined;
}

function reportOf(adapter: GPUAdapter): AdapterReport {
  const { info } = adapter;
  const description = info.description || info.device || info.vendor ||
    "an unnamed adapter";
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[name] = value;
  }
  const software = info.isFallbackAdapter === true ||
    SOFTWARE_NAMES.test(String(description));
  return {
    description: String(description),
    id: [info.vendor, info.architecture, info.device, info.description]
      .filter((part) => part).join(" "),
    software,
    subgroups: software && info.subgroupMinSize >= SUBGROUP_LANES,
    limits,
    features: [...adapter.features].sort(),
  };
}
