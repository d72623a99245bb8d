import assert from "node:assert/strict";
import { readBackbone } from "../../../../core/models/backbone.ts";
import { resizePositions } from "../../../../core/models/checkpoints/resize_positions.ts";
import {
  fromFloat32,
  readSafetensors,
  toFloat32,
  writeSafetensors,
} from "../../../../core/weights/safetensors.ts";
import { assertClose } from "../../../support/assert_close.ts";
import { randomTensors } from "../../../support/architectures.ts";
import { inFolder } from "../../../support/folder.ts";
import { TOLERANCE } from "../../../support/tolerance.ts";
import { modelTensors } from "../../../../core/models/architectures.ts";
import type { VitConfig } from "../../../../core/models/vit.ts";

const { tensors } = await readSafetensors(
  "tests/fixtures/checkpoints/positions.safetensors",
);

const cases = [...tensors.keys()].filter((name) => name.endsWith(".from"));

for (const name of cases) {
  const [prefix, from, to] = name.split(".").map(Number);
  const tokens = prefix + from * from;
  Deno.test(`resizePositions() equals torch's bicubic: ${tokens} tokens, ${from}² to ${to}²`, () => {
    const before = toFloat32(tensors.get(name)!);
    const found = resizePositions(before, { prefix, from, to });
    const wanted = toFloat32(tensors.get(name.replace("from", "to"))!);
    assertClose(found, wanted, TOLERANCE.positions, name);
    assert.deepEqual(
      found.subarray(0, 3 * prefix),
      before.subarray(0, 3 * prefix),
    );
  });
}

Deno.test("resizePositions() was tested at 196, 197 and 198 tokens", () => {
  const counts = cases.map((name) => tensors.get(name)!.shape[1]);
  for (const count of [196, 197, 198]) assert.ok(counts.includes(count));
});

const WIDTH = 8;

const vit: VitConfig = {
  architecture: "vit",
  imageSize: 28,
  patchSize: 2,
  channels: 3,
  width: WIDTH,
  depth: 1,
  heads: 2,
  mlpHidden: 8,
  classes: 2,
  eps: 1e-6,
};

/** Positions in the file, and registers beside the class token. */
for (const [tokens, registers] of [[196, 0], [197, 0], [198, 1]]) {
  Deno.test(`readBackbone() resizes a checkpoint of ${tokens} positions`, () =>
    inFolder(async (folder) => {
      const config = registers ? { ...vit, registers } : vit;
      const values = randomTensors(config);
      const stored = new Map(
        [...modelTensors(config)].map(([name, { shape }]) =>
          [name, fromFloat32(values.get(name)!, [...shape])] as const
        ),
      );
      const positions = Float32Array.from(
        { length: tokens * WIDTH },
        (_, i) => Math.sin(i),
      );
      stored.set("pos_embed", fromFloat32(positions, [1, tokens, WIDTH]));
      const path = `${folder}/model.safetensors`;
      await writeSafetensors(path, { metadata: {}, tensors: stored });
      const beside = {
        architecture: "vit",
        ["pretrained_cfg"]: {},
        ["model_args"]: { ["num_heads"]: 2 },
      };
      await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(beside));
      const read = await readBackbone(folder, { imageSize: 14 });
      const prefix = tokens - 196;
      const wanted = resizePositions(positions, { prefix, from: 14, to: 7 });
      const found = read.tensors.get("pos_embed")!;
      assert.equal(found.length, (1 + 49) * WIDTH);
      assert.deepEqual(
        found.subarray(WIDTH),
        wanted.subarray(prefix * WIDTH),
      );
      // A class token without a position has zeros.
      const front = prefix ? positions.subarray(0, WIDTH) : found.map(() => 0);
      assert.deepEqual(found.subarray(0, WIDTH), front.subarray(0, WIDTH));
      if (!registers) return;
      const register = values.get("reg_token")!;
      assert.deepEqual(
        read.tensors.get("reg_token"),
        register.map((value, i) => value + positions[WIDTH + i]),
      );
    }));
}

Deno.test("resizePositions() keeps a grid of the same size", () => {
  const before = toFloat32(tensors.get("1.2.5.from")!);
  const found = resizePositions(before, { prefix: 1, from: 2, to: 2 });
  assertClose(found, before, TOLERANCE.positions, "the same grid");
});
