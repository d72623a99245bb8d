import assert from "node:assert/strict";
import { hintOf } from "../../../../core/errors.ts";
import { inspectCheckpoint } from "../../../../core/models/backbone.ts";
import type { Checkpoint } from "../../../../core/models/checkpoints/checkpoint.ts";
import { familyOf } from "../../../../core/models/checkpoints/families.ts";
import { openCheckpoint } from "../../../../core/models/checkpoints/open_checkpoint.ts";
import { RandomStream } from "../../../../core/rng.ts";
import type { TensorEntry } from "../../../../core/weights/tensor_file.ts";
import { hugged } from "../../../support/hugged.ts";

const FOLDER = "tests/fixtures/checkpoints";

/** A checkpoint of every family and kind of it. */
const FIXTURES = [
  "torchvision.safetensors",
  "timm",
  "hugging_face",
  "augreg.npz",
  "imagenet21k.npz",
  "big_vision.npz",
  "variants/timm_dinov2",
  "variants/timm_reg4",
  "variants/timm_reg4_placed",
  "variants/timm_clip",
  "variants/timm_clip_quick",
  "variants/timm_no_qkv_bias",
  "variants/hugging_face_dinov2",
  "variants/hugging_face_reg4",
  "variants/hugging_face_clip",
  "hierarchical/swin",
  "hierarchical/swin/torchvision.safetensors",
  "hierarchical/swin_padded",
  "hierarchical/convnext",
  "hierarchical/convnext/torchvision.safetensors",
];

const opened = await Promise.all(
  FIXTURES.map(async (path) =>
    [path, await openCheckpoint(`${FOLDER}/${path}`)] as const
  ),
);
for (const model of ["swin", "convnext"]) {
  const entries = await hugged(model);
  const [, timm] = opened.find(([path]) => path === `hierarchical/${model}`)!;
  const plain = { ...timm, config: { ["model_type"]: model } };
  opened.push([`Hugging Face's ${model}`, withEntries(plain, entries)]);
}
const [, own] = opened[1];
opened.push(["alore", ownFile(own)]);

type Entries = ReadonlyMap<string, TensorEntry>;

function withEntries(checkpoint: Checkpoint, entries: Entries): Checkpoint {
  return { ...checkpoint, file: { ...checkpoint.file, entries } };
}

/** The same as this toolkit writes it. */
function ownFile(checkpoint: Checkpoint): Checkpoint {
  const { config } = inspectCheckpoint(checkpoint);
  const metadata = { config: JSON.stringify(config) };
  const { entries } = checkpoint.file;
  const file = { ...checkpoint.file, entries, metadata };
  return { ...checkpoint, config: undefined, file };
}

function without(checkpoint: Checkpoint, gone: readonly string[]): Checkpoint {
  const kept = [...checkpoint.file.entries]
    .filter(([name]) => !gone.includes(name));
  return withEntries(checkpoint, new Map(kept));
}

/** A model without a head, or without what timm may leave out, is complete. */
function isWhole(checkpoint: Checkpoint, gone: readonly string[]): boolean {
  const { name, describe } = familyOf(checkpoint);
  const { dropped } = describe(checkpoint);
  const needed = gone.filter((name) => dropped?.(name) === undefined);
  const left = [...checkpoint.file.entries.keys()]
    .filter((name) => !gone.includes(name));
  const optional = [
    /^(head(\.fc)?|heads\.head|classifier(\.2)?)\.(weight|bias)$/,
    /^(opt\/target\/|params\/)?head\//,
    ...name === "timm ViT" ? [/^blocks\.\d+\.attn\.qkv\.bias$/] : [],
  ];
  return needed.length === 0 ||
    optional.some((names) =>
      needed.every((name) => names.test(name)) &&
      !left.some((name) => names.test(name))
    );
}

/** What is read, or the message of what is thrown, which must be ours. */
function reading(checkpoint: Checkpoint): string | undefined {
  try {
    inspectCheckpoint(checkpoint);
  } catch (error) {
    const { message } = error as Error;
    assert.match(message, /^Cannot read the backbone .*: got .*, wanted /);
    return message;
  }
}

const isNamed = (message: string, fault: string) =>
  message.includes(`(${fault};`) || message.includes(` ${fault};`) ||
  message.includes(` ${fault})`) || message.includes(`(${fault})`);

for (const [path, checkpoint] of opened) {
  const names = [...checkpoint.file.entries.keys()];

  Deno.test(`readBackbone() names one or two missing tensors of ${path}`, () => {
    assert.equal(reading(checkpoint), undefined);
    for (const [i, one] of names.entries()) {
      for (const other of names.slice(i)) {
        const gone = [...new Set([one, other])];
        const message = reading(without(checkpoint, gone));
        if (isWhole(checkpoint, gone)) {
          assert.equal(message, undefined);
          continue;
        }
        assert.ok(message, `read without ${gone.join(" and ")}`);
        const { dropped } = familyOf(checkpoint).describe(checkpoint);
        const needed = gone.filter((name) => dropped?.(name) === undefined);
        for (const name of needed) {
          assert.ok(isNamed(message, `missing ${name}`), message);
        }
        // Nothing else is wrong, and nothing else is said to be.
        const tensors = needed.length > 1 ? "wrong tensors" : "wrong tensor";
        assert.ok(
          message.includes(`got ${needed.length} ${tensors} (`),
          message,
        );
      }
    }
  });

  Deno.test(`readBackbone() names a misshaped tensor and a stray one of ${path}`, () => {
    const { dropped } = familyOf(checkpoint).describe(checkpoint);
    const { entries } = checkpoint.file;
    for (const [name, entry] of entries) {
      if (dropped?.(name) !== undefined) continue;
      for (const shape of [[...entry.shape, 3], [7, 5, 3, 2, 1]]) {
        const wrong = new Map([...entries, [name, { ...entry, shape }]]);
        wrong.set("stray", entry);
        const message = reading(withEntries(checkpoint, wrong));
        assert.ok(message, name);
        const fault = `${name} [${shape.join(", ")}] instead of `;
        assert.ok(message.includes(fault), message);
        assert.ok(isNamed(message, "extra stray"), message);
      }
    }
  });

  Deno.test(`readBackbone() has an error of its own for any wreck of ${path}`, () => {
    const random = new RandomStream(5, path);
    const { entries } = checkpoint.file;
    for (let run = 0; run < 300; run++) {
      const share = random.next();
      const wreck = new Map<string, TensorEntry>();
      for (const [name, entry] of entries) {
        if (random.next() < share) continue;
        const axis = Math.floor(random.next() * (entry.shape.length + 1));
        const shape = random.next() < 0.1
          ? entry.shape.toSpliced(axis, 1, Math.floor(random.next() * 9))
          : entry.shape;
        wreck.set(name, { ...entry, shape });
      }
      reading(withEntries(checkpoint, wreck));
    }
  });
}

Deno.test("readBackbone() says which shapes it could not check", () => {
  const [, timm] = opened[1];
  const hidden = [...timm.file.entries.keys()]
    .filter((name) => /mlp\.fc(1\.|2\.weight)/.test(name));
  const message = reading(without(timm, hidden.slice(0, -1)));
  assert.match(
    message!,
    /got 5 wrong tensors .* width 24 and depth 2$/,
  );
  const stages = opened.find(([path]) => path === "hierarchical/convnext")![1];
  const told = [...stages.file.entries.keys()].filter((name) =>
    /^stages\.0\..*(gamma|conv_dw\.bias|norm\.|fc2\.bias)/.test(name)
  );
  assert.match(
    reading(without(stages, told))!,
    /; could not check the shapes of stem\.0\.weight, .*, since what tells their sizes is missing$/,
  );
});

Deno.test("readBackbone() says that a model has no class token", () => {
  for (
    const [path, cls, positions] of [
      ["augreg.npz", "cls", "Transformer/posembed_input/pos_embedding"],
      ["big_vision.npz", "params/cls", "params/pos_embedding"],
      ["timm", "cls_token", "pos_embed"],
    ]
  ) {
    const [, checkpoint] = opened.find(([name]) => name === path)!;
    const entries = new Map(checkpoint.file.entries);
    const { dtype } = entries.get(positions)!;
    assert.ok(entries.delete(cls));
    entries.set(positions, { dtype, shape: [1, 4, 24] });
    assert.throws(
      () => inspectCheckpoint(withEntries(checkpoint, entries)),
      (error: Error) => {
        assert.match(error.message, new RegExp(`\\(missing ${cls}[;)]`));
        assert.match(
          hintOf(error)!,
          /its 4 positions are those of patches alone.*only models that read a class token/,
        );
        return true;
      },
    );
  }
});
