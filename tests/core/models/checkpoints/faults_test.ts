import assert from "node:assert/strict";
import { readBackbone } from "../../../../core/models/backbone.ts";
import {
  fromFloat32,
  readSafetensors,
  writeSafetensors,
} from "../../../../core/weights/safetensors.ts";
import { inFolder } from "../../../support/folder.ts";
import { npy, zip } from "../../../support/zip.ts";

const FIXTURES = "tests/fixtures/checkpoints";

/** Works in a folder with a copy of a fixture's. */
function inCopy(
  fixture: string,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    for await (const { name } of Deno.readDir(`${FIXTURES}/${fixture}`)) {
      const [from, to] = [
        `${FIXTURES}/${fixture}/${name}`,
        `${folder}/${name}`,
      ];
      await Deno.copyFile(from, to);
    }
    await work(folder);
  });
}

/** Replaces words of a text file. */
async function edit(path: string, from: string, to: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  assert.ok(text.includes(from));
  await Deno.writeTextFile(path, text.replace(from, to));
}

const refuses = (
  reading: Promise<unknown>,
  name: string,
  message: RegExp,
  hint?: RegExp,
) =>
  assert.rejects(reading, (error: Error & { hint?: string }) => {
    assert.equal(error.name, name);
    assert.match(error.message, /^Cannot read .*: got [^]*, wanted /);
    assert.match(error.message, message);
    if (hint) assert.match(error.hint ?? "", hint);
    return true;
  });

Deno.test("readBackbone() lists what is wrong under the file's own names", () =>
  inCopy("hugging_face", async (folder) => {
    const path = `${folder}/model-00002-of-00002.safetensors`;
    const index = `${folder}/model.safetensors.index.json`;
    const file = await readSafetensors(path);
    const gone = "vit.encoder.layer.1.attention.attention.value.bias";
    const other = "vit.layernorm.weight";
    file.tensors.delete(gone);
    file.tensors.set(other, fromFloat32(new Float32Array(6), [2, 3]));
    file.tensors.set("vit.stray", fromFloat32(new Float32Array(1), [1]));
    await writeSafetensors(path, file, { overwrite: true });
    await edit(index, `"${gone}"`, `"vit.stray"`);
    await refuses(
      readBackbone(folder),
      "TypeError",
      new RegExp(
        `got 3 wrong tensors \\(missing ${gone}; ${other} \\[2, 3\\] instead ` +
          "of \\[24\\]; extra vit\\.stray\\), wanted those of a vision " +
          "transformer of width 24 and depth 2",
      ),
    );
  }));

Deno.test("readBackbone() refuses shards that differ from their index", () =>
  inCopy("hugging_face", async (folder) => {
    const index = `${folder}/model.safetensors.index.json`;
    await edit(index, `"classifier.bias"`, `"classifier.bios"`);
    await refuses(
      readBackbone(folder),
      "RangeError",
      /shards that differ from it \(classifier\.bias in model-00001.*; no classifier\.bios in model-00001/,
    );
    await edit(index, `"model-00001-of-00002.safetensors"`, `"../x"`);
    await refuses(
      readBackbone(folder),
      "SyntaxError",
      /got the file "\.\.\/x", wanted an index whose weight_map/,
    );
    await Deno.writeTextFile(index, "{");
    await refuses(readBackbone(folder), "SyntaxError", /text that is not JSON/);
    await Deno.writeTextFile(index, '{"weight_map": {}, "weight_map": {}}');
    await refuses(readBackbone(folder), "SyntaxError", /"weight_map" twice/);
    await Deno.writeTextFile(index, '{"metadata": {}}');
    await refuses(readBackbone(folder), "SyntaxError", /got no weight_map/);
  }));

Deno.test("readBackbone() lists every shard that is missing", () =>
  inCopy("hugging_face", async (folder) => {
    const shard = (i: number) => `model-0000${i}-of-00002.safetensors`;
    for (const i of [1, 2]) {
      await Deno.remove(`${folder}/${shard(i)}`);
      const gone = [1, 2].slice(0, i).map((n) => `no ${shard(n)}`).join(", ");
      await refuses(
        readBackbone(folder),
        "RangeError",
        new RegExp(
          `index\\.json: got ${gone} beside it, wanted all 2 shards that it`,
        ),
        /copy the missing files/,
      );
    }
  }));

Deno.test("readBackbone() refuses the configuration of another model", () =>
  inCopy("hugging_face", async (folder) => {
    const path = `${folder}/config.json`;
    await edit(path, `"gelu"`, `"gelu_new"`);
    await refuses(
      readBackbone(folder),
      "RangeError",
      /got the activation "gelu_new", wanted gelu or quick_gelu/,
    );
    await edit(path, `"hidden_size": 24`, `"hidden_size": 768`);
    await edit(path, `"gelu_new"`, `"gelu"`);
    await refuses(
      readBackbone(folder),
      "RangeError",
      /tensors of width 24 beside a config\.json of width 768/,
      /with their own config\.json, or none/,
    );
    await edit(path, `"hidden_size": 768`, `"hidden_size": 24`);
    await edit(path, `"num_hidden_layers": 2`, `"num_hidden_layers": 3`);
    await refuses(
      readBackbone(folder),
      "RangeError",
      /tensors of depth 2 beside a config\.json of depth 3/,
    );
    await Deno.remove(path);
    await refuses(
      readBackbone(folder),
      "RangeError",
      /got width 24 and no number of heads/,
      /num_attention_heads/,
    );
    // Other programs' configurations are not read.
    await Deno.writeTextFile(path, '{"format": "alore-run", "hidden_size": 7}');
    await refuses(readBackbone(folder), "RangeError", /no number of heads/);
    await Deno.writeTextFile(path, "{");
    await refuses(readBackbone(folder), "SyntaxError", /text that is not JSON/);
  }));

Deno.test("readBackbone() says how to turn a pickle into safetensors", () =>
  inFolder(async (folder) => {
    const hint = /safetensors\.torch\.save_file\(torch\.load/;
    const old = `${folder}/old.pth`;
    const bytes = Uint8Array.of(128, 2, 138, 10, 108, 252, 156, 70, 249, 32);
    await Deno.writeFile(old, bytes);
    await refuses(readBackbone(old), "SyntaxError", /Python pickle/, hint);
    const name = "archive/data.pkl";
    const archive = zip([{ name, content: bytes }]);
    await Deno.writeFile(`${folder}/pytorch_model.bin`, archive);
    const path = `${folder}/pytorch_model.bin`;
    await refuses(readBackbone(path), "SyntaxError", /Python pickle/, hint);
    await Deno.remove(old);
    await refuses(readBackbone(folder), "SyntaxError", /Python pickle/, hint);
  }));

Deno.test("readBackbone() refuses a folder with no file or several", () =>
  inFolder(async (folder) => {
    await refuses(
      readBackbone(folder),
      "RangeError",
      /got a folder with no file of tensors, wanted one model\.safetensors/,
    );
    for (const name of ["b.safetensors", "a.npz"]) {
      await Deno.writeTextFile(`${folder}/${name}`, "");
    }
    await refuses(
      readBackbone(folder),
      "RangeError",
      /got a folder with a\.npz, b\.safetensors, wanted one/,
      /give the path of the file itself/,
    );
  }));

Deno.test("readBackbone() refuses positions that form no square", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x.npz`;
    const file = await Deno.readFile(`${FIXTURES}/augreg.npz`);
    await Deno.writeFile(path, file);
    assert.equal((await readBackbone(path)).family, "Google ViT");
    const one = npy("'<f4'", "(1,)", new Uint8Array(4));
    const block = "Transformer/encoderblock_0/LayerNorm_0/scale";
    await Deno.writeFile(
      path,
      zip(["embedding/kernel", block].map((name) => (
        { name: `${name}.npy`, content: one }
      ))),
    );
    await refuses(
      readBackbone(path),
      "TypeError",
      /got 21 wrong tensors \(missing cls; .*; embedding\/kernel \[1\] instead of \[\?, \?, \?, 1\]; .*\), wanted those of a vision transformer of width 1 and depth 1$/,
    );
    const timm = await readSafetensors(`${FIXTURES}/timm/model.safetensors`);
    const positions = fromFloat32(new Float32Array(7 * 24), [1, 7, 24]);
    timm.tensors.set("pos_embed", positions);
    await writeSafetensors(`${folder}/t.safetensors`, timm);
    await refuses(
      readBackbone(`${folder}/t.safetensors`),
      "RangeError",
      /got 6 positions and patches of 8 × 8, wanted a square grid/,
    );
  }));
