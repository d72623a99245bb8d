import assert from "node:assert/strict";
import {
  readBackbone,
  scratchBackbone,
  writeBackbone,
} from "../../../core/models/backbone.ts";
import { families } from "../../../core/models/checkpoints/families.ts";
import {
  fromFloat32,
  readSafetensors,
  type SafetensorsFile,
  writeSafetensors,
} from "../../../core/weights/safetensors.ts";
import { tinyBackbone, tinyConfig } from "../../support/tiny.ts";

async function withFile(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(`${folder}/backbone.safetensors`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes the tiny backbone, changes the file, and reads it again. */
async function readChanged(
  path: string,
  change: (file: SafetensorsFile) => void,
) {
  await writeBackbone(path, tinyBackbone(), { overwrite: true });
  const file = await readSafetensors(path);
  change(file);
  await writeSafetensors(path, file, { overwrite: true });
  return await readBackbone(path);
}

Deno.test("readBackbone() gives back what writeBackbone() wrote", () =>
  withFile(async (path) => {
    const backbone = tinyBackbone();
    await writeBackbone(path, backbone);
    const read = await readBackbone(path);
    assert.deepEqual(read.config, backbone.config);
    assert.deepEqual(read.preprocess, backbone.preprocess);
    assert.deepEqual(new Map(read.tensors), backbone.tensors);
    assert.equal(read.name, "backbone");
    assert.match(read.hash, /^[0-9a-f]{64}$/);
  }));

Deno.test("writeBackbone() stores half precision on request", () =>
  withFile(async (path) => {
    const backbone = tinyBackbone();
    await writeBackbone(path, backbone, { dtype: "F16" });
    const file = await readSafetensors(path);
    assert.ok([...file.tensors.values()].every((t) => t.dtype === "F16"));
    const read = await readBackbone(path);
    const name = "blocks.0.attn.qkv.weight";
    const [half, exact] = [read, backbone].map((b) => b.tensors.get(name)!);
    exact.forEach((value, i) =>
      assert.ok(Math.abs(value - half[i]) <= Math.abs(value) * 2 ** -11 + 1e-7)
    );
  }));

Deno.test("readBackbone() lists every missing, extra and misshaped tensor", () =>
  withFile(async (path) => {
    const reading = readChanged(path, ({ tensors }) => {
      tensors.delete("norm.bias");
      tensors.delete("blocks.1.mlp.fc2.weight");
      tensors.set("blocks.9.wrong", fromFloat32(new Float32Array(2), [2]));
      const square = fromFloat32(new Float32Array(24), [4, 6]);
      tensors.set("blocks.0.attn.proj.bias", square);
    });
    await assert.rejects(reading, (error: Error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /got 4 wrong tensors/);
      assert.match(error.message, /missing norm\.bias/);
      assert.match(error.message, /missing blocks\.1\.mlp\.fc2\.weight/);
      assert.match(error.message, /extra blocks\.9\.wrong/);
      assert.match(error.message, /proj\.bias \[4, 6\] instead of \[24\]/);
      return true;
    });
  }));

Deno.test("readBackbone() takes a backbone without a head", () =>
  withFile(async (path) => {
    const read = await readChanged(path, ({ tensors }) => {
      tensors.delete("head.weight");
      tensors.delete("head.bias");
    });
    assert.equal(read.tensors.has("head.weight"), false);
  }));

Deno.test("readBackbone() reads the architecture off timm's tensors", () =>
  withFile(async (path) => {
    const config = { ...tinyConfig, width: 128, heads: 2, mlpHidden: 200 };
    await writeBackbone(path, scratchBackbone("plain", config, 0));
    const file = await readSafetensors(path);
    await writeSafetensors(path, { ...file, metadata: { format: "pt" } }, {
      overwrite: true,
    });
    assert.deepEqual((await readBackbone(path)).config, config);
  }));

Deno.test("readBackbone() says when no family knows a file's names", () =>
  withFile(async (path) => {
    const tensors = new Map([["x", fromFloat32(new Float32Array(1), [1])]]);
    await writeSafetensors(path, { metadata: {}, tensors });
    await assert.rejects(readBackbone(path), {
      name: "TypeError",
      message: `Cannot read the backbone ${path}: got tensors of no known ` +
        `model (x), wanted the names of one of: ${
          families.map(({ name }) => name).join(", ")
        }`,
      hint: "the file must hold the weights of an image classifier under the " +
        "names that its program gives them",
    });
  }));
