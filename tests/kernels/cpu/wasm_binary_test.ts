import assert from "node:assert/strict";
import { kernels } from "../../../kernels/cpu/kernels.ts";
import { PLAIN, RELAXED } from "../../../kernels/cpu/wasm_binary.ts";
import { ops } from "../../../core/ops/mod.ts";

function exportsOf(base64: string): string[] {
  const module = new WebAssembly.Module(Uint8Array.fromBase64(base64));
  return WebAssembly.Module.exports(module).map(({ name }) => name).sort();
}

Deno.test("both binaries export the same kernels", () => {
  assert.deepEqual(exportsOf(PLAIN), exportsOf(RELAXED));
  assert.ok(exportsOf(PLAIN).includes("matmulMultiply"));
});

Deno.test("the binaries import nothing but the memory", () => {
  for (const base64 of [PLAIN, RELAXED]) {
    const module = new WebAssembly.Module(Uint8Array.fromBase64(base64));
    assert.deepEqual(WebAssembly.Module.imports(module), [
      { module: "env", name: "memory", kind: "memory" },
    ]);
  }
});

Deno.test("every op has a kernel, and every kernel an op", () => {
  assert.deepEqual([...kernels.keys()].sort(), [...ops.keys()].sort());
});

Deno.test("the binaries are what the source gives", async () => {
  const root = new URL("../../../", import.meta.url);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["task", "build:wasm", "--check"],
    cwd: root,
    stderr: "piped",
  });
  const { success, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
