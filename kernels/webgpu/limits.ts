import type { AdapterReport } from "./adapter.ts";

/** What one buffer, one binding and one dispatch may be at most. */
export interface DeviceLimits {
  /** Bytes of a buffer, a multiple of 256. */
  readonly bufferBytes: number;
  /** Bytes of a binding, a multiple of 256. */
  readonly bindingBytes: number;
  /** Workgroups in each dimension. */
  readonly groups: number;
}

/** Buffers of one memory; more is a mistake, and takes long to be refused. */
export const MAX_BUFFERS = 1024;

/** Storage bindings of a shader; none has more. */
export const MAX_BINDINGS = 16;

/** No limit but WebGPU's own of workgroups, for plans that do not run. */
export const UNLIMITED: DeviceLimits = {
  bufferBytes: 2 ** 48,
  bindingBytes: 2 ** 48,
  groups: 65_535,
};

/** The limits of an adapter, or lower ones that a test asks for. */
export function limitsOf(
  { limits }: AdapterReport,
  lower: Partial<DeviceLimits> = {},
): DeviceLimits {
  const least = (limit: number, other: number | undefined) =>
    Math.min(limit, other ?? limit);
  const whole = (bytes: number) => Math.floor(bytes / 256) * 256;
  const bufferBytes = whole(least(limits.maxBufferSize, lower.bufferBytes));
  const bindingBytes = whole(
    least(limits.maxStorageBufferBindingSize, lower.bindingBytes),
  );
  return {
    bufferBytes,
    bindingBytes: Math.min(bindingBytes, bufferBytes),
    groups: least(limits.maxComputeWorkgroupsPerDimension, lower.groups),
  };
}
