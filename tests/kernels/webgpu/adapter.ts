import { findAdapter } from "../../../kernels/webgpu/adapter.ts";

/**
 * Whether tests that need a device are left out: no adapter here, and
 * ALORE_REQUIRE_WEBGPU is not 1.
 */
export const ignore: boolean = await findAdapter() === undefined &&
  Deno.env.get("ALORE_REQUIRE_WEBGPU") !== "1";

/** Registers a test that needs a device. */
export function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

/** Runs `work` while a method of the device calls `before` first. */
export async function withHook<T extends object, K extends keyof T>(
  prototype: T,
  method: K,
  before: (self: T, args: unknown[]) => void,
  work: () => Promise<void>,
): Promise<void> {
  const original = prototype[method];
  assertMethod(original);
  const hooked = function (this: T, ...args: unknown[]): unknown {
    before(this, args);
    return original.apply(this, args);
  };
  prototype[method] = hooked as T[K];
  try {
    await work();
  } finally {
    prototype[method] = original;
  }
}

/** How many devices are opened on this thread. */
export async function devicesHere(work: () => Promise<void>): Promise<number> {
  let devices = 0;
  const count = () => devices++;
  await withHook(GPUAdapter.prototype, "requestDevice", count, work);
  return devices;
}

function assertMethod(
  value: unknown,
): asserts value is (...args: unknown[]) => unknown {
  if (typeof value !== "function") {
    throw new TypeError(`Cannot hook a method: got ${typeof value}`);
  }
}
