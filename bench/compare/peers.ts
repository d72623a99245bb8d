/**
 * Who is compared, and how each is started.
 *
 * @module
 */

import { BLAS_PATHS } from "../../kernels/cpu/blas.ts";
import type { PeerCommand } from "./peer_process.ts";

/** What the peers may use of the machine. */
export interface PeerSettings {
  /** Threads of the processor. */
  readonly threads: number;
  /** Pythons to try, the first with PyTorch wins. */
  readonly pythons: readonly string[];
}

/** Versions that the comparison was written for. */
const ONNXRUNTIME = "npm:onnxruntime-node@1.30.0";
const JAX_JS = "npm:@jax-js/jax@0.1.25";
const TFJS = "npm:@tensorflow/tfjs@4.22.0";
const TFJS_WEBGPU = "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";

const path = (name: string): string =>
  new URL(`../peers/${name}`, import.meta.url).pathname;

function deno(
  script: string,
  permissions: readonly string[],
  args: readonly string[],
): Pick<PeerCommand, "program" | "args"> {
  // What is not installed stays so: nothing is fetched behind one's back.
  const flags = ["run", "--no-prompt", "--cached-only", "--no-lock"];
  return {
    program: Deno.execPath(),
    args: [...flags, ...permissions, path(script), ...args],
  };
}

/** PyTorch, one command for each Python. */
export function pytorch({ threads, pythons }: PeerSettings): PeerCommand[] {
  return pythons.map((program) => ({
    name: "PyTorch",
    program,
    args: [path("pytorch.py")],
    env: {
      OMP_NUM_THREADS: String(threads),
      // Its threads would spin against each other else.
      OMP_WAIT_POLICY: "PASSIVE",
    },
    install: "Debian and Ubuntu: apt install python3-torch " +
      "libopenblas0-pthread; else --python PATH",
  }));
}

/** onnxruntime, which runs what PyTorch exports. */
export function onnxruntime({ threads }: PeerSettings): PeerCommand {
  return {
    name: "onnxruntime",
    ...deno(
      "onnxruntime.ts",
      ["--allow-read", "--allow-ffi", "--allow-env", "--allow-sys"],
      [ONNXRUNTIME, String(threads)],
    ),
    install: `deno cache --no-lock ${ONNXRUNTIME}`,
  };
}

/** Ours on the processor. */
export function alore(
  name: string,
  blas: string,
  threads: number,
): PeerCommand {
  const libraries = ["auto", "off"].includes(blas) ? BLAS_PATHS : [blas];
  const grants = [
    "--allow-read",
    "--allow-sys=cpus",
    `--allow-ffi=${libraries.join(",")}`,
  ];
  const args = ["--blas", blas, "--threads", String(threads)];
  return {
    name,
    ...deno("alore.ts", grants, args),
    accepts: (text) => blas === "off" || !text.includes("WASM"),
    install: "Debian and Ubuntu: apt install libopenblas0-pthread",
  };
}

function onWebgpu(
  name: string,
  script: string,
  args: readonly string[],
  install: string,
): PeerCommand {
  const grants = ["--allow-read", "--allow-env", "--allow-sys=cpus"];
  // Mesa complains without it, but does not need it.
  const env = { XDG_RUNTIME_DIR: "/tmp" };
  return { name, ...deno(script, grants, args), env, install };
}

/** jax-js on WebGPU. */
export function jaxJs(): PeerCommand {
  const install = `deno cache --no-lock ${JAX_JS}`;
  return onWebgpu("jax-js", "jax_js.mjs", [JAX_JS], install);
}

/** TensorFlow.js on WebGPU. */
export function tfjs(): PeerCommand {
  const install = `deno cache --no-lock ${TFJS} ${TFJS_WEBGPU}`;
  return onWebgpu("tfjs", "tfjs.mjs", [TFJS, TFJS_WEBGPU], install);
}

/** Ours on WebGPU. */
export function aloreWebgpu(): PeerCommand {
  const args = ["--device", "webgpu"];
  const install = "alore doctor says what a machine has";
  return onWebgpu("alore, WebGPU", "alore.ts", args, install);
}
