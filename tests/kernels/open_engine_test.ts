import assert from "node:assert/strict";
import { type EngineChoice, openEngine } from "../../kernels/open_engine.ts";
import { gpuTest, withHook } from "./webgpu/adapter.ts";

/** What `auto` takes and why. */
async function choice(): Promise<EngineChoice> {
  const choices: EngineChoice[] = [];
  const engine = await openEngine("auto", {
    threads: 1,
    blas: "off",
    check: "always",
    thread: false,
    onChoice: (made) => choices.push(made),
  });
  engine.close();
  assert.equal(choices.length, 1);
  assert.equal(engine.name, choices[0].name);
  return choices[0];
}

/** Runs work while the adapter says that it is hardware. */
async function asHardware(work: () => Promise<void>): Promise<void> {
  const prototype = GPUAdapterInfo.prototype;
  const names = ["description", "isFallbackAdapter"];
  const before = names.map((name) =>
    Object.getOwnPropertyDescriptor(prototype, name)!
  );
  const says = { description: "a test's adapter", isFallbackAdapter: false };
  for (const [name, value] of Object.entries(says)) {
    Object.defineProperty(prototype, name, {
      get: () => value,
      configurable: true,
    });
  }
  try {
    await work();
  } finally {
    names.forEach((name, i) =>
      Object.defineProperty(prototype, name, before[i])
    );
  }
}

gpuTest(
  "openEngine() says what auto takes on hardware",
  () =>
    asHardware(async () => {
      const { name, reason } = await choice();
      assert.equal(name, "webgpu");
      assert.equal(reason, "found a test's adapter");
    }),
);

gpuTest(
  "openEngine() says why auto does not trust an adapter",
  () =>
    asHardware(() =>
      withHook(GPUDevice.prototype, "createShaderModule", (_, args) => {
        const [module] = args as [GPUShaderModuleDescriptor];
        if (module.label === "relu") args[0] = { ...module, code: "wrong" };
      }, async () => {
        const { name, reason, error } = await choice();
        assert.equal(name, "cpu");
        assert.match(reason, /Cannot trust the device a test's adapter: /);
        assert.equal(error?.message, reason);
      })
    ),
);
