import assert from "node:assert/strict";
import type { OpProfile, PlanProfile } from "../../core/train/profile.ts";
import { alore } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";

const WORDS = ["bench", "--profile", "--method", "alore", "--device", "cpu"];
const SMALL = ["--batch-size", "2", "--repeats", "3"];

const sum = (ops: readonly OpProfile[], of: "calls" | "share" | "busy") =>
  ops.reduce((total, op) => total + op[of], 0);

Deno.test("bench --profile --json says where the time goes", async () => {
  await inFolder(async (folder) => {
    const { code, stdout, stderr } = await alore(
      folder,
      ...WORDS,
      ...SMALL,
      "--json",
    );
    assert.equal(code, 0, stderr);
    const { methods, gemmRate } = JSON.parse(stdout);
    assert.ok(gemmRate > 0);
    assert.equal(methods.length, 1);
    for (const kind of ["inference", "training"]) {
      const found: PlanProfile = methods[0][kind];
      const { total, waiting, outside, ops, shapes } = found;
      assert.ok(total > 0 && waiting > 0 && outside > 0);
      for (const part of [ops, shapes]) {
        const parts = sum(part, "share") + (waiting + outside) / total;
        assert.ok(Math.abs(parts - 1) < 1e-9, `${parts}`);
      }
      assert.equal(sum(ops, "calls"), sum(shapes, "calls"));
      // One attention in each of the six blocks.
      const calls = new Map(ops.map((op) => [op.kernel, op.calls]));
      assert.equal(calls.get("attention"), 6);
      assert.equal(
        calls.get("attention_gradient"),
        kind === "training" ? 6 : undefined,
      );
    }
  });
});

Deno.test("bench --profile prints a row an op, with --verbose a row a shape", async () => {
  await inFolder(async (folder) => {
    const plain = await alore(folder, ...WORDS, ...SMALL);
    assert.equal(plain.code, 0, plain.stderr);
    assert.match(
      plain.stdout,
      /^op +calls +ms +share +GFLOP +GFLOP\/s +of GEMM +MB +GB\/s$/m,
    );
    assert.equal(plain.stdout.match(/^attention +6 /gm)?.length, 2);
    assert.match(plain.stdout, /^\(waiting\) +[0-9.]+ +[0-9.]+ %$/m);
    const verbose = await alore(folder, ...WORDS, ...SMALL, "--verbose");
    assert.equal(verbose.code, 0, verbose.stderr);
    assert.match(
      verbose.stdout,
      /^matmul {2}m 34, n 576, k 192, transB 1, alpha 1; 3 in, 1 out +\d/m,
    );
  });
});
