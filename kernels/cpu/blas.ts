/**
 * Finds a BLAS library whose matrix product the CPU engine may use.
 *
 * @module
 */

import { DeviceError } from "../engine.ts";
import { BLAS_SYMBOLS } from "./blas_symbols.ts";

/**
 * Where `auto` looks, the first that suits the processor wins. The tasks in
 * deno.json grant exactly these; a library that is elsewhere is named by its
 * path.
 */
export const BLAS_PATHS: readonly string[] = [
  // oneDNN: Debian and Ubuntu, Fedora
  "/usr/lib/x86_64-linux-gnu/libdnnl.so.3",
  "/usr/lib/x86_64-linux-gnu/libdnnl.so.2",
  "/usr/lib64/libdnnl.so.3",
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

type Library = Deno.DynamicLibrary<typeof BLAS_SYMBOLS>;

/** A library that was opened. */
export interface Blas {
  readonly path: string;
  /** For people, with its version: `OpenBLAS 0.3.21`. */
  readonly name: string;
  /** Whether a transposed right factor slows it down. */
  readonly slowTransposed: boolean;
  /** Lets go of it; workers hold it on their own. */
  close(): void;
}

/**
 * Opens a BLAS library, and never asks for a permission.
 *
 * `auto` takes the first of {@linkcode BLAS_PATHS} that may be and can be
 * opened; oneDNN where there is AVX-512 or no other.
 *
 * @returns `undefined` if it is `off`, or `auto` finds none.
 * @throws {DeviceError} If the library at a path cannot be used.
 */
export function openBlas(choice: BlasChoice): Blas | undefined {
  if (choice === "off") return undefined;
  const found = choice === "auto" ? firstThatSuits() : open(choice);
  if (!found) return undefined;
  const { library, path, name } = found;
  keep(library, path);
  return {
    path,
    name,
    slowTransposed: library.symbols.dnnl_sgemm !== null,
    close: () => library.close(),
  };
}

interface Opened {
  readonly library: Library;
  readonly path: string;
  readonly name: string;
}

function firstThatSuits(): Opened | undefined {
  let spare: Opened | undefined;
  for (const path of BLAS_PATHS) {
    if (!isGranted(path)) continue;
    try {
      const opened = open(path);
      if (suits(opened)) {
        spare?.library.close();
        return opened;
      }
      if (spare) opened.library.close();
      else spare = opened;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
    }
  }
  return spare;
}

/** The bit of AVX-512 in oneDNN's answer. */
const AVX512 = 0x20;

/**
 * oneDNN multiplied up to 15 % faster than OpenBLAS with AVX-512, and no faster
 * with AVX2.
 */
function suits({ library: { symbols } }: Opened): boolean {
  const isa = symbols.dnnl_get_effective_cpu_isa?.();
  return isa === undefined || (isa & AVX512) !== 0;
}

function isGranted(path: string): boolean {
  return Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
}

function open(path: string): Opened {
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
    return { library, path, name: nameOf(library, path) };
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
  if (symbols.dnnl_sgemm) return oneDnnName(symbols, path);
  if (!symbols.cblas_sgemm) {
    throw new DeviceError(
      `Cannot open ${path}: got neither cblas_sgemm nor dnnl_sgemm in it, ` +
        "wanted a BLAS library",
    );
  }
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

/** The ways of oneDNN to run threads that the engine can keep to one. */
const [SEQUENTIAL, OPENMP] = [1, 2];

function oneDnnName(symbols: Library["symbols"], path: string): string {
  const version = symbols.dnnl_version?.();
  if (!version) return "oneDNN";
  // Three numbers, an address, and the runtime.
  const words = new Int32Array(7);
  const bytes = new Uint8Array(words.buffer);
  symbols.copyFrom(bytes, version, BigInt(bytes.length));
  if (words[6] !== SEQUENTIAL && words[6] !== OPENMP) {
    throw new DeviceError(
      `Cannot open ${path}: got oneDNN with threads of its own, wanted one ` +
        "built without threads or with OpenMP",
    );
  }
  return `oneDNN ${words.slice(0, 3).join(".")}`;
}

/** The zero-terminated text at an address. */
function textAt(symbols: Library["symbols"], address: bigint): string {
  const text = new Uint8Array(Number(symbols.strlen(address)));
  symbols.copyFrom(text, address, BigInt(text.length));
  return new TextDecoder().decode(text);
}
