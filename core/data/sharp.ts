import process from "node:process";
// Puts the WASM build into the module graph, where sharp finds it once the
// native addon is refused.
import "@img/sharp-wasm32/versions" with { type: "json" };
import type { Sharp, SharpConstructor } from "sharp";

export type { Sharp, SharpConstructor };

let loading: Promise<SharpConstructor> | undefined;

/**
 * Works with sharp's WebAssembly build, which is loaded by the first call.
 *
 * Needs `--allow-read` and `--allow-sys=cpus`; without `--allow-ffi` the native
 * addon cannot load, and sharp falls back to WebAssembly.
 *
 * @param work What to do; the program stays alive until its promise settles.
 */
export async function withSharp<T>(
  work: (sharp: SharpConstructor) => Promise<T>,
): Promise<T> {
  // sharp's threads are not counted as work to wait for: without a timer the
  // program would end, its promise pending.
  const alive = setInterval(() => {}, 1 << 30);
  try {
    return await work(await load());
  } finally {
    clearInterval(alive);
  }
}

function load(): Promise<SharpConstructor> {
  loading ??= withEmptyEnvironment(async () => {
    const { default: sharp } = await import("sharp");
    // A first image starts the threads, which copy the environment too.
    const background = "black";
    const create = { width: 1, height: 1, channels: 3 as const, background };
    await sharp({ create }).raw().toBuffer();
    return sharp;
  });
  return loading;
}

/**
 * Hides the environment's variables while sharp starts: its WebAssembly runtime
 * copies all of them, which would take `--allow-env`, and writes one back.
 */
async function withEmptyEnvironment<T>(work: () => Promise<T>): Promise<T> {
  const real = Object.getOwnPropertyDescriptor(process, "env");
  Object.defineProperty(process, "env", {
    value: {},
    configurable: true,
    writable: true,
  });
  try {
    return await work();
  } finally {
    if (real) Object.defineProperty(process, "env", real);
  }
}
