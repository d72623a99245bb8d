import assert from "node:assert/strict";
import { openEngine } from "../../../kernels/open_engine.ts";
import { mayStartThread, openOnThread } from "../../../kernels/thread/start.ts";
import { inFolder } from "../../support/folder.ts";
import { feeds, type KernelUse, onePlan } from "../cpu/one_kernel.ts";
import { devicesHere, gpuTest, ignore } from "../webgpu/adapter.ts";
import { OPENED, poolOf } from "./pool_of.ts";

const relu: KernelUse = {
  kernel: "relu",
  attributes: { count: 2 },
  inputs: [Float32Array.of(-1, 2)],
  outputs: [2],
};

const options = { allowSoftware: true, check: "never" } as const;

async function computes(thread?: boolean): Promise<void> {
  const engine = await openEngine("webgpu", { check: "never", thread });
  const program = await engine.compile(onePlan(relu));
  const { output0 } = await program.run(feeds(relu));
  assert.deepEqual(output0, Float32Array.of(0, 2));
  engine.close();
}

gpuTest("openEngine() opens WebGPU on a thread of its own", async () => {
  assert.ok(mayStartThread());
  assert.equal(await devicesHere(() => computes()), 0);
  assert.equal(await devicesHere(() => computes(false)), 1);
});

Deno.test({
  name: "openEngine() does without a thread that it may not start",
  ignore,
  permissions: { read: false, env: "inherit" },
  fn: async () => {
    assert.ok(!mayStartThread());
    assert.equal(await devicesHere(() => computes()), 1);
  },
});

Deno.test("openOnThread() says so if the thread cannot be started", async () => {
  const ends = poolOf("process.exit(3)");
  assert.equal(await openOnThread(options, ends), undefined);
});

Deno.test("openOnThread() throws what the thread met", async () => {
  const error = { name: "DeviceError", message: "Cannot open", hint: "buy it" };
  const body = `port.postMessage({ id, error: ${JSON.stringify(error)} });
    setTimeout(() => process.exit(), 100);`;
  await assert.rejects(openOnThread(options, poolOf(body)), error);
});

Deno.test("a thread that ends takes its engine with it", async () => {
  for (
    const [body, cause] of [
      ["throw new Error('as a test asks')", /as a test asks/],
      ["process.exit(3)", /exit code 3/],
    ] as const
  ) {
    const opened = await openOnThread(
      options,
      poolOf(
        `if (kind === "open") port.postMessage({ id, result: ${OPENED} });
        else ${body};`,
      ),
    );
    const { engine } = opened!;
    await assert.rejects(engine.compile(onePlan(relu)), (error) => {
      assert.match(String(error), /the thread of WebGPU ended: /);
      assert.match(String(error), cause);
      return true;
    });
    assert.throws(() => engine.allocate(4, "late"), cause);
    engine.close();
  }
});

gpuTest("engines share a thread one after the other", async () => {
  const first = await openEngine("webgpu", { check: "never" });
  const second = await openEngine("webgpu", { check: "never" });
  const programs = await Promise.all(
    [first, second].map((engine) => engine.compile(onePlan(relu))),
  );
  await assert.rejects(
    first.compile({
      ...onePlan(relu),
      memories: [second.allocate(8, "other")],
    }),
    /memory of another engine/,
  );
  // Closed while it works, and opened again at once.
  const run = assert.rejects(programs[0].run(feeds(relu)), /was closed/);
  first.close();
  await run;
  const third = await openEngine("webgpu", { check: "never" });
  const program = await third.compile(onePlan(relu));
  for (const one of [program, programs[1]]) {
    const { output0 } = await one.run(feeds(relu));
    assert.deepEqual(output0, Float32Array.of(0, 2));
  }
  second.close();
  third.close();
});

/** Opens WebGPU in a process of its own, which nobody closes. */
async function openElsewhere(
  module: URL,
  permissions: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  const script = `let devices = 0;
const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = function (...wanted) {
  devices++;
  return requestDevice.apply(this, wanted);
};
const { openEngine } = await import("${module}");
await openEngine("webgpu", { check: "never" });
console.log("open", devices);`;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-lock",
      ...permissions,
      `data:application/javascript,${encodeURIComponent(script)}`,
    ],
    env,
    stderr: "inherit",
  }).output();
  assert.ok(success);
  assert.equal(new TextDecoder().decode(stdout), "open 0\n");
}

const ROOT = new URL("../../../", import.meta.url);

gpuTest(
  "an engine that nobody closed lets the process end",
  () =>
    openElsewhere(new URL("kernels/open_engine.ts", ROOT), ["--allow-read"]),
);

gpuTest(
  "a thread starts where modules come by HTTP",
  () =>
    inFolder(async (folder) => {
      const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
      await using server = Deno.serve(options, async ({ url }) =>
        new Response(
          await Deno.readFile(new URL(`.${new URL(url).pathname}`, ROOT)),
          { headers: { "content-type": "application/typescript" } },
        ));
      const host = `127.0.0.1:${server.addr.port}`;
      await openElsewhere(
        new URL(`http://${host}/kernels/open_engine.ts`),
        [`--allow-import=${host}`],
        { DENO_DIR: folder },
      );
    }),
);
