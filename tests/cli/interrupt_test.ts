/**
 * What is left of a run that is stopped, or whose device is lost, before its
 * first epoch is over.
 *
 * @module
 */

import assert from "node:assert/strict";
import { scratchBackbone, writeBackbone } from "../../core/models/backbone.ts";
import { gpuTest } from "../kernels/webgpu/adapter.ts";
import { alore, aloreCommand, aloreWords, ended } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { SMALL, SMALL_TRAIN, writeSmallFiles } from "../support/small_run.ts";

const WEBGPU = [...SMALL_TRAIN, "--device=webgpu"];

/** From the signal to the end of the program, on a machine that is busy. */
const MOST_SECONDS = 30;

gpuTest(
  "train on webgpu saves within a step when it is interrupted",
  () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      // Steps that keep a software adapter busy for a while.
      const large = { ...SMALL, width: 192, depth: 12, mlpHidden: 768 };
      const backbone = scratchBackbone("large", large, 0);
      await writeBackbone(`${folder}/large.safetensors`, backbone);
      const words = [
        ...WEBGPU,
        "--backbone=large.safetensors",
        "--epochs=100000",
        "--out=stopped",
      ];
      const child = aloreCommand(words, folder).spawn();
      let stderr = "";
      let sent = 0;
      for await (
        const text of child.stderr.pipeThrough(new TextDecoderStream())
      ) {
        stderr += text;
        if (sent > 0 || !stderr.includes("of activations")) continue;
        sent = performance.now();
        child.kill("SIGINT");
      }
      await child.stdout.cancel();
      const { code } = await child.status;
      const seconds = (performance.now() - sent) / 1000;
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /^error: Stopped after \d+ of 100000 epochs; what was done is saved in stopped$/m,
      );
      assert.match(stderr, /^hint: .* train --resume stopped$/m);
      assert.ok(seconds < MOST_SECONDS, `took ${seconds} s`);
    }),
);

/** The thread of WebGPU, whose device is lost after some training steps. */
const LOSING_THREAD = `
import "./lose_device.js";
import "${new URL("../../kernels/thread/webgpu_thread.ts", import.meta.url)}";
`;

const LOSE_DEVICE = `
const { createCommandEncoder } = GPUDevice.prototype;
let left = 12;
GPUDevice.prototype.createCommandEncoder = function (made) {
  if (made.label.startsWith("training step") && left-- === 0) this.destroy();
  return createCommandEncoder.call(this, made);
};
`;

/** Has the program start that thread instead of its own. */
const USE_THREAD = `
globalThis.URL = class extends URL {
  constructor(url, base) {
    const own = url === "./webgpu_thread.ts";
    super(own ? "./losing_thread.js" : url, own ? import.meta.url : base);
  }
};
`;

gpuTest(
  "train goes on after a device that was lost in the first epoch",
  () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      for (
        const [name, text] of [
          ["lose_device", LOSE_DEVICE],
          ["losing_thread", LOSING_THREAD],
          ["use_thread", USE_THREAD],
        ]
      ) await Deno.writeTextFile(`${folder}/${name}.js`, text);
      const [program, run, ...rest] = aloreWords(
        [...WEBGPU, "--batch-size=1", "--out=lost"],
      );
      const lost = await ended(
        new Deno.Command(program, {
          args: [run, `--preload=${folder}/use_thread.js`, ...rest],
          cwd: folder,
          env: { INIT_CWD: folder },
        }),
      );
      assert.equal(lost.code, 1);
      assert.match(lost.stderr, /^error: Cannot go on: the device was lost/m);
      assert.match(
        lost.stderr,
        /^hint: {2}it had saved no step yet; start .* train --resume lost$/m,
      );
      const words = ["train", "--resume=lost", "--device=webgpu", "--json"];
      const resumed = await alore(folder, ...words);
      assert.equal(resumed.code, 0, resumed.stderr);
      assert.equal(JSON.parse(resumed.stdout).epochs.length, 2);
    }),
);
