import assert from "node:assert/strict";
import { readBackbone } from "../../../../core/models/backbone.ts";
import {
  ConvertedTensors,
  lendTensor,
} from "../../../../core/models/checkpoints/converted_tensors.ts";

const FOLDER = "tests/fixtures/checkpoints";

for (
  const path of [
    "timm",
    "hugging_face",
    "augreg.npz",
    "big_vision.npz",
    "imagenet21k.npz",
    "torchvision.safetensors",
    "variants/hugging_face_dinov2",
    "variants/hugging_face_clip",
    "variants/timm_clip",
    "variants/timm_reg4_placed",
    "hierarchical/convnext",
  ]
) {
  Deno.test(`the tensors of ${path} are lent from one buffer, and are the same`, async () => {
    const { tensors } = await readBackbone(`${FOLDER}/${path}`);
    assert.ok(tensors instanceof ConvertedTensors);
    // The first pass makes the buffer as large as it has to be.
    for (const name of tensors.keys()) lendTensor(tensors, name);
    const buffers = new Set<unknown>();
    for (const name of tensors.keys()) {
      const lent: Float32Array = lendTensor(tensors, name)!;
      buffers.add(lent.buffer);
      assert.deepEqual(lent.slice(), tensors.get(name), name);
    }
    assert.equal(buffers.size, 1);
    assert.equal(lendTensor(tensors, "no such"), undefined);
  });
}

Deno.test("what is read to keep stays when others are lent", async () => {
  const { tensors } = await readBackbone(`${FOLDER}/hugging_face`);
  const [first, second] = tensors.keys();
  const kept = tensors.get(first)!;
  const before = kept.slice();
  lendTensor(tensors, second);
  assert.deepEqual(kept, before);
});
