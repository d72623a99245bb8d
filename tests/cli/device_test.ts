import assert from "node:assert/strict";
import { aloreCommand, ended } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { SMALL_TRAIN, writeSmallFiles } from "../support/small_run.ts";

/** Hides every Vulkan driver from a process. */
const NO_DRIVER = {
  VK_DRIVER_FILES: "/nonexistent",
  VK_ICD_FILENAMES: "/nonexistent",
  // The loader falls back to OpenGL.
  LIBGL_DRIVERS_PATH: "/nonexistent",
  __EGL_VENDOR_LIBRARY_FILENAMES: "/nonexistent",
};

const TRAIN = SMALL_TRAIN.filter((word) => !/^--(device|threads)/.test(word));

Deno.test({
  name: "--device webgpu fails where there is no adapter, and says what to do",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      const words = [...TRAIN, "--out=run", "--device=webgpu"];
      const { code, stderr } = await ended(
        aloreCommand(words, folder, NO_DRIVER),
      );
      assert.equal(code, 1);
      assert.match(stderr, /^error: Cannot open a WebGPU device: got no /m);
      assert.match(stderr, /^hint: {2}install .*mesa-vulkan-drivers$/m);
    }),
});

Deno.test({
  name: "--device auto takes the cpu engine where there is no adapter",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      const words = [...TRAIN, "--out=run", "--device=auto", "--verbose"];
      const { code, stderr } = await ended(
        aloreCommand(words, folder, NO_DRIVER),
      );
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^alore .* · cpu engine, .* · seed 0$/m);
      assert.match(stderr, /--device auto takes the cpu engine: no WebGPU/);
      assert.match(stderr, /^Step {7}[\d.]+ \w+ of activations$/m);
    }),
});
