import assert from "node:assert/strict";
import { readBackbone } from "../../../../core/models/backbone.ts";
import { IMAGENET } from "../../../../core/models/preprocess.ts";
import {
  fromFloat32,
  readSafetensors,
  writeSafetensors,
} from "../../../../core/weights/safetensors.ts";
import { inFolder } from "../../../support/folder.ts";
import {
  hierarchicalCase,
  torchvisionFile,
} from "../../../support/hierarchical.ts";

const stored = await readSafetensors(
  "tests/fixtures/checkpoints/hierarchical/swin/model.safetensors",
);
const shapes = new Map(
  [...stored.tensors].map(([name, { shape }]) => [name, [...shape]]),
);

for (const name of ["swin", "convnext"]) {
  Deno.test(`readBackbone() reads ${name} under timm's and torchvision's names`, async () => {
    const { backbone } = await hierarchicalCase(name);
    const other = await torchvisionFile(name);
    const title = name === "swin" ? "Swin" : "ConvNeXt";
    assert.equal(backbone.family, `timm ${title}`);
    assert.equal(other.family, `torchvision ${title}`);
    assert.deepEqual(other.config, backbone.config);
    assert.deepEqual([...other.tensors], [...backbone.tensors]);
    assert.deepEqual(backbone.preprocess, {
      ...IMAGENET,
      interpolation: "bicubic",
      cropPct: name === "swin" ? 0.9 : 0.875,
    });
  });
}

Deno.test("readBackbone() reads the sizes of a Swin off its tensors", async () => {
  const { backbone } = await hierarchicalCase("swin");
  assert.deepEqual(backbone.config, {
    architecture: "swin",
    imageSize: 32,
    patchSize: 4,
    channels: 3,
    width: 12,
    depths: [2, 2],
    heads: [3, 3],
    window: 4,
    mlpRatio: 4,
    classes: 5,
    eps: 1e-5,
  });
});

Deno.test("readBackbone() reads Swins of older versions of timm", () =>
  inFolder(async (folder) => {
    const { backbone } = await hierarchicalCase("swin");
    const tensors = new Map(
      [...backbone.tensors].map(([name, values]) => {
        const old = name.replace("layers.1.downsample", "layers.0.downsample")
          .replace("head.fc", "head");
        return [old, fromFloat32(values, shapes.get(name)!)] as const;
      }),
    );
    tensors.set(
      "layers.0.blocks.1.attn_mask",
      fromFloat32(new Float32Array(4), [4]),
    );
    const path = `${folder}/old.safetensors`;
    await writeSafetensors(path, { metadata: {}, tensors });
    const old = await readBackbone(path);
    assert.deepEqual(old.config, backbone.config);
    assert.deepEqual([...old.tensors], [...backbone.tensors]);
    assert.deepEqual(old.notes, [
      "left out layers.0.blocks.1.attn_mask: it follows from the sizes",
    ]);
  }));
