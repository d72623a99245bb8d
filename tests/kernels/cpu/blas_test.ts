import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BLAS_PATHS, openBlas } from "../../../kernels/cpu/blas.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import { Heap } from "../../../kernels/cpu/heap.ts";
import { Pool } from "../../../kernels/cpu/pool.ts";
import { PLAIN } from "../../../kernels/cpu/wasm_binary.ts";
import { CONTROL } from "../../../kernels/cpu/worker.ts";
import { DeviceError } from "../../../kernels/engine.ts";
import { blasPath } from "../../support/engines.ts";
import { fill } from "../../support/fill.ts";
import { feeds, type KernelUse, onePlan } from "./one_kernel.ts";

const ENGINE = new URL("../../../kernels/cpu/engine.ts", import.meta.url);
const HERE = fileURLToPath(import.meta.url);
const ignore = blasPath === undefined;

const use: KernelUse = {
  kernel: "matmul",
  attributes: {
    m: 70,
    n: 50,
    k: 60,
    transA: 0,
    transB: 1,
    alpha: 1,
    activation: 0,
  },
  inputs: [
    fill({ shape: [70, 60], kind: "normal" }, 1),
    fill({ shape: [50, 60], kind: "normal" }, 2),
    undefined,
    undefined,
  ],
  outputs: [70 * 50, undefined],
};

/** Opens an engine in a process of its own and says what came of it. */
async function openElsewhere(blas: string, ...flags: string[]) {
  const script = `
    import { openCpuEngine } from ${JSON.stringify(ENGINE.href)};
    try {
      const blas = ${JSON.stringify(blas)};
      const engine = await openCpuEngine({ threads: 2, blas });
      console.log(engine.description);
    } catch (error) {
      console.log(error.name + ": " + error.message);
    }`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...flags, "-"],
    stdin: "piped",
    stdout: "piped",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout } = await child.output();
  assert.equal(code, 0);
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("openCpuEngine() multiplies in WASM without permission for BLAS", async () => {
  assert.match(await openElsewhere("auto"), /^cpu engine, 2 threads, WASM /);
});

Deno.test("openCpuEngine() refuses a BLAS library without permission", async () => {
  const path = blasPath ?? BLAS_PATHS[0];
  assert.equal(
    await openElsewhere(path),
    `DeviceError: Cannot open ${path}: got no permission, wanted ` +
      `--allow-ffi=${path}`,
  );
});

Deno.test("openCpuEngine() refuses a file that is no BLAS library", async () => {
  assert.match(
    await openElsewhere(HERE, `--allow-ffi=${HERE}`),
    /^DeviceError: Cannot open .*blas_test\.ts: got ".+", wanted a BLAS library$/,
  );
});

Deno.test({
  name: "openCpuEngine() takes a BLAS library with permission for it alone",
  ignore,
  fn: async () => {
    const flag = `--allow-ffi=${blasPath}`;
    const blas = openBlas("auto");
    blas?.close();
    for (const choice of ["auto", blasPath ?? ""]) {
      assert.equal(
        await openElsewhere(choice, flag),
        `cpu engine, 2 threads, ${blas?.name}`,
      );
    }
    assert.match(await openElsewhere("off", flag), / WASM /);
  },
});

const NAMES = { libopenblas: "OpenBLAS", libdnnl: "oneDNN", libblis: "BLIS" };

for (const [file, wanted] of Object.entries(NAMES)) {
  const path = BLAS_PATHS.find((path) =>
    path.includes(`/${file}.`) && existsSync(path)
  );
  Deno.test({
    name: `openBlas() names ${wanted} and its version`,
    ignore: path === undefined,
    fn: () => {
      const blas = openBlas(path ?? "");
      blas?.close();
      assert.equal(blas?.path, path);
      assert.match(blas?.name ?? "", new RegExp(`^${wanted} \\d+\\.\\d+`));
    },
  });
}

Deno.test({
  name: "openBlas() takes oneDNN where there is AVX-512, else another",
  ignore: ignore || Deno.build.os !== "linux",
  fn: () => {
    const blas = openBlas("auto");
    blas?.close();
    assert.equal(blas?.path, blasPath);
    assert.equal(openBlas("off"), undefined);
    const others = BLAS_PATHS.filter((path) => existsSync(path));
    const [onednn, rest] = [true, false].map((is) =>
      others.filter((path) => path.includes("libdnnl") === is)
    );
    if (onednn.length === 0 || rest.length === 0) return;
    const args = ["-qw", "avx512f", "/proc/cpuinfo"];
    const { success } = new Deno.Command("grep", { args }).outputSync();
    assert.equal(blas?.path.includes("libdnnl"), success);
  },
});

const libc = `/usr/lib/${Deno.build.arch}-linux-gnu/libc.so.6`;

Deno.test({
  name: "openCpuEngine() refuses a library without a matrix product",
  ignore: !existsSync(libc),
  fn: async () => {
    assert.equal(
      await openElsewhere(libc, `--allow-ffi=${libc}`),
      `DeviceError: Cannot open ${libc}: got neither cblas_sgemm nor ` +
        "dnnl_sgemm in it, wanted a BLAS library",
    );
  },
});

Deno.test({
  name: "products with BLAS stay the same when the memory grows",
  ignore,
  fn: async () => {
    const engine = await openCpuEngine({ threads: 2, blas: blasPath });
    const program = await engine.compile(onePlan(use));
    const before = await program.run(feeds(use));
    for (let i = 0; i < 4; i++) engine.allocate(2 ** 25, `memory ${i}`);
    assert.deepEqual(await program.run(feeds(use)), before);
    const later = await engine.compile(onePlan(use));
    assert.deepEqual(await later.run(feeds(use)), before);
    engine.close();
  },
});

Deno.test({
  name: "engines with BLAS work side by side, and after others have closed",
  ignore,
  fn: async () => {
    let wanted: unknown;
    for (let round = 0; round < 4; round++) {
      const engines = await Promise.all(
        [2, 2, 2].map((threads) => openCpuEngine({ threads, blas: blasPath })),
      );
      const results = await Promise.all(engines.map(async (engine) => {
        const program = await engine.compile(onePlan(use));
        return await program.run(feeds(use));
      }));
      wanted ??= results[0];
      for (const result of results) assert.deepEqual(result, wanted);
      for (const engine of engines) engine.close();
    }
  },
});

Deno.test({
  name: "Pool.close() returns when no thread is in the BLAS library any more",
  ignore,
  fn: async () => {
    const heap = new Heap();
    const module = await WebAssembly.compile(Uint8Array.fromBase64(PLAIN));
    const pool = await Pool.open(module, heap, 2, blasPath);
    const n = 1024;
    const [a, b, y] = [0, 1, 2].map(() => heap.allocate(4 * n * n));
    const program = pool.add([{
      kernel: "matmul",
      call: 0,
      entry: "blasMultiply",
      args: [a, b, 0, 0, y, 0, 0, 0, n, n, n, 1, 0],
    }]);
    const words = new Int32Array(heap.memory.buffer, CONTROL.blas, 1);
    const stopped = assert.rejects(pool.run(program), DeviceError);
    while (words[0] < 2) await new Promise((next) => setTimeout(next));
    pool.close();
    assert.equal(words[0], -(2 ** 30));
    await stopped;
  },
});
