/**
 * Finds a BLAS library whose matrix product the CPU engine may use.
 *
 * @module
 */

import { DeviceError } from "../engine.ts";

/**
 * Where `auto` looks, the first that opens wins. The tasks in deno.json grant
 * exactly these; a library that is elsewhere is named by its path.
 */
export const BLAS_PATHS: readonly string[] = [
  // macOS
  "/System/Library/Frameworks/Accelerate.framework/Accelerate",
  // OpenBLAS: Debian and Ubuntu, Fedora, Arch, Homebrew
  "/usr/lib/x86_64-linux-gnu/libopenblas.so.0",
  "/usr/lib/aarch64-linux-gnu/libopenblas.so.0",
  "/usr/lib64/libopenblasp.so.0",
  "/usr/lib/libopenblas.so.0",
  "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
  "/usr/local/opt/openblas/lib/libopenblas.dylib",
  // MKL: Intel's installer, Debian
  "/opt/intel/oneapi/mkl/latest/lib/libmkl_rt.so.2",
  "/usr/lib/x86_64-linux-gnu/libmkl_rt.so",
  // BLIS: Debian and Ubuntu, Fedora
  "/usr/lib/x86_64-linux-gnu/libblis.so.4",
  "/usr/lib64/libblis.so.4",
];

/** `off`, `auto`, or the path of a library. */
export type BlasChoice = "off" | "auto" | (string & Record<never, never>);

/**
 * What the engine calls. Only `cblas_sgemm` and the C library's functions, which
 * every BLAS brings along, are in each library.
 */
export const BLAS_SYMBOLS = {
  cblas_sgemm: {
    // deno-fmt-ignore
    parameters: [
      "i32", "i32", "i32", "i32", "i32", "i32",
      "f32", "usize", "i32", "usize", "i32", "f32", "usize", "i32",
    ],
    result: "void",
  },
  // With paths granted one by one, Deno hands out no addresses itself.
  addressOf: {
    name: "memmove",
    parameters: ["buffer", "buffer", "usize"],
    result: "usize",
  },
  copyFrom: {
    name: "memmove",
    parameters: ["buffer", "usize", "usize"],
    result: "usize",
  },
  dlopen: { parameters: ["buffer", "i32"], result: "usize", optional: true },
  strlen: { parameters: ["usize"], result: "usize" },
  openblas_get_config: { parameters: [], result: "usize", optional: true },
  openblas_get_parallel: { parameters: [], result: "i32", optional: true },
  openblas_set_num_threads: {
    parameters: ["i32"],
    result: "void",
    optional: true,
  },
  MKL_Get_Version_String: {
    parameters: ["buffer", "i32"],
    result: "void",
    optional: true,
  },
  MKL_Set_Threading_Layer: {
    parameters: ["i32"],
    result: "i32",
    optional: true,
  },
  bli_info_get_version_str: { parameters: [], result: "usize", optional: true },
  bli_thread_set_num_threads: {
    parameters: ["i64"],
    result: "void",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

type Library = Deno.DynamicLibrary<typeof BLAS_SYMBOLS>;

/** A library that was opened. */
export interface Blas {
  readonly path: string;
  /** For people, with its version: `OpenBLAS 0.3.21`. */
  readonly name: string;
  /** Lets go of it; workers hold it on their own. */
  close(): void;
}

/**
 * Opens a BLAS library, and never asks for a permission.
 *
 * `auto` takes the first of {@linkcode BLAS_PATHS} that may be and can be
 * opened.
 *
 * @returns `undefined` if it is `off`, or `auto` finds none.
 * @throws {DeviceError} If the library at a path cannot be used.
 */
export function openBlas(choice: BlasChoice): Blas | undefined {
  if (choice === "off") return undefined;
  if (choice !== "auto") return open(choice);
  for (const path of BLAS_PATHS) {
    if (!isGranted(path)) continue;
    try {
      return open(path);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
    }
  }
  return undefined;
}

function isGranted(path: string): boolean {
  return Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
}

function open(path: string): Blas {
  if (!isGranted(path)) {
    throw new DeviceError(
      `Cannot open ${path}: got no permission, wanted --allow-ffi=${path}`,
    );
  }
  let library: Library;
  try {
    library = Deno.dlopen(path, BLAS_SYMBOLS);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new DeviceError(
      `Cannot open ${path}: got "${reasonOf(text)}", wanted a BLAS library`,
      { cause },
    );
  }
  try {
    keep(library, path);
    return { path, name: nameOf(library, path), close: () => library.close() };
  } catch (error) {
    library.close();
    throw error;
  }
}

/**
 * Keeps a library loaded until the process ends. The last of its users lets go
 * in a worker thread that is coming down, maybe while the process exits too, and
 * then both would free what it holds.
 */
function keep({ symbols }: Library, path: string): void {
  const [now, noDelete] = [2, Deno.build.os === "darwin" ? 0x80 : 0x1000];
  symbols.dlopen?.(new TextEncoder().encode(`${path}\0`), now | noDelete);
}

/** What the loader says, without what Deno puts before it. */
function reasonOf(message: string): string {
  return message.replace(/^(Could not open library: )+/, "");
}

function nameOf({ symbols }: Library, path: string): string {
  if (symbols.openblas_get_config) {
    const config = textAt(symbols, symbols.openblas_get_config());
    if (/\bUSE64BITINT\b/.test(config)) {
      throw new DeviceError(
        `Cannot open ${path}: got OpenBLAS with sizes of 64 bits, wanted 32`,
      );
    }
    if (symbols.openblas_get_parallel?.() === 0) {
      throw new DeviceError(
        `Cannot open ${path}: got OpenBLAS for one thread, wanted one that ` +
          "several threads may call",
      );
    }
    return /^OpenBLAS \S+/.exec(config)?.[0] ?? "OpenBLAS";
  }
  if (symbols.MKL_Get_Version_String) {
    const text = new Uint8Array(256);
    symbols.MKL_Get_Version_String(text, text.length);
    const version = /Version (\S+)/.exec(new TextDecoder().decode(text))?.[1];
    return version ? `MKL ${version}` : "MKL";
  }
  if (symbols.bli_info_get_version_str) {
    const version = textAt(symbols, symbols.bli_info_get_version_str());
    return `BLIS ${version}`;
  }
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The zero-terminated text at an address. */
function textAt(symbols: Library["symbols"], address: bigint): string {
  const text = new Uint8Array(Number(symbols.strlen(address)));
  symbols.copyFrom(text, address, BigInt(text.length));
  return new TextDecoder().decode(text);
}
