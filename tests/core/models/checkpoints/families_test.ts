import assert from "node:assert/strict";
import {
  type Backbone,
  readBackbone,
} from "../../../../core/models/backbone.ts";
import {
  readSafetensors,
  toFloat32,
} from "../../../../core/weights/safetensors.ts";
import { openCpuEngine } from "../../../../kernels/cpu/engine.ts";
import { assertClose } from "../../../support/assert_close.ts";
import { testEngines } from "../../../support/engines.ts";
import { logitsOf } from "../../../support/logits.ts";
import { TOLERANCE } from "../../../support/tolerance.ts";

const FOLDER = "tests/fixtures/checkpoints";

const expected = await readSafetensors(`${FOLDER}/expected.safetensors`);
const numbers = (name: string) => toFloat32(expected.tensors.get(name)!);

/** Path, family, torchvision's logits of the same model, what is left out. */
const CASES: readonly (readonly [string, string, string, RegExp?])[] = [
  ["torchvision.safetensors", "torchvision ViT", "wide"],
  ["timm", "timm ViT", "narrow"],
  ["timm/model.safetensors", "timm ViT", "narrow"],
  ["hugging_face", "Hugging Face ViT", "narrow"],
  [
    "hugging_face/model.safetensors.index.json",
    "Hugging Face ViT",
    "narrow",
  ],
  ["augreg.npz", "Google ViT", "narrow"],
  [
    "imagenet21k.npz",
    "Google ViT",
    "narrow",
    /left out .*pre_logits\/.*: timm leaves pre-logits out too/,
  ],
  ["big_vision.npz", "Google ViT", "narrow"],
];

for (const { name: engineName, ignore, open } of testEngines) {
  for (const [path, family, logits, note] of CASES) {
    Deno.test({
      name:
        `readBackbone() reads ${path} as torchvision computes it [${engineName}]`,
      ignore,
      fn: async () => {
        const backbone = await readBackbone(`${FOLDER}/${path}`);
        assert.equal(backbone.family, family);
        if (note) assert.match(backbone.notes.join("\n"), note);
        else assert.deepEqual(backbone.notes, []);
        const engine = await open();
        try {
          const found = await logitsOf(engine, backbone, numbers("images"));
          assertClose(found, numbers(logits), TOLERANCE.logits, path);
        } finally {
          engine.close();
        }
      },
    });
  }
}

const narrow = {
  architecture: "vit",
  imageSize: 16,
  patchSize: 8,
  channels: 3,
  width: 24,
  depth: 2,
  heads: 3,
  mlpHidden: 48,
  classes: 5,
  eps: 1e-6,
};

const READ: readonly [string, Pick<Backbone, "config" | "preprocess">][] = [
  ["torchvision.safetensors", {
    config: { ...narrow, width: 128, heads: 2, mlpHidden: 16 },
    preprocess: {
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      interpolation: "bilinear",
      cropPct: 0.875,
    },
  }],
  ["timm", {
    config: narrow,
    preprocess: {
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      interpolation: "bicubic",
      cropPct: 0.95,
    },
  }],
  ["hugging_face", {
    config: narrow,
    preprocess: {
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      interpolation: "bicubic",
      cropPct: 0.8,
    },
  }],
] as [string, Pick<Backbone, "config" | "preprocess">][];

for (const [path, wanted] of READ) {
  Deno.test(`readBackbone() reads sizes and preprocessing of ${path}`, async () => {
    const { config, preprocess } = await readBackbone(`${FOLDER}/${path}`);
    assert.deepEqual({ config, preprocess }, wanted);
  });
}

Deno.test("readBackbone() resizes positions as torchvision's model then computes", async () => {
  for (const path of ["timm", "hugging_face", "big_vision.npz"]) {
    const backbone = await readBackbone(`${FOLDER}/${path}`, { imageSize: 40 });
    assert.equal(backbone.config.imageSize, 40);
    assert.deepEqual(backbone.notes, [
      "resized position embeddings from 2 × 2 to 5 × 5 patches",
    ]);
    const engine = await openCpuEngine();
    try {
      const found = await logitsOf(engine, backbone, numbers("images.40"));
      assertClose(found, numbers("narrow.40"), TOLERANCE.logits, path);
    } finally {
      engine.close();
    }
  }
});

Deno.test("readBackbone() refuses images that patches do not divide", () =>
  assert.rejects(readBackbone(`${FOLDER}/timm`, { imageSize: 20 }), {
    name: "RangeError",
    message: /got image size 20 and patch size 8, wanted a multiple/,
  }));
