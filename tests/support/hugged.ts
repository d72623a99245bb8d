/**
 * The tiny hierarchical models as transformers writes them.
 *
 * @module
 */

import {
  readSafetensors,
  type StoredTensor,
} from "../../core/weights/safetensors.ts";

const FOLDER = "tests/fixtures/checkpoints/hierarchical";

/** timm's names, in the order of these rules, as transformers spells them. */
const RULES: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> =
  {
    swin: [
      [/^patch_embed\.proj\./, "embeddings.patch_embeddings.projection."],
      [/^patch_embed\.norm\./, "embeddings.norm."],
      [/^layers\.1\.downsample\./, "encoder.layers.0.downsample."],
      [/^layers\./, "encoder.layers."],
      [/\.attn\.proj\./, ".attention.output.dense."],
      [/\.attn\./, ".attention.self."],
      [/\.norm1\./, ".layernorm_before."],
      [/\.norm2\./, ".layernorm_after."],
      [/\.mlp\.fc1\./, ".intermediate.dense."],
      [/\.mlp\.fc2\./, ".output.dense."],
      [/^norm\./, "layernorm."],
    ],
    convnext: [
      [/^stem\.0\./, "embeddings.patch_embeddings."],
      [/^stem\.1\./, "embeddings.layernorm."],
      [/\.downsample\./, ".downsampling_layer."],
      [/\.blocks\./, ".layers."],
      [/\.gamma$/, ".layer_scale_parameter"],
      [/\.conv_dw\./, ".dwconv."],
      [/(\.layers\.\d+)\.norm\./, "$1.layernorm."],
      [/\.mlp\.fc(\d)\./, ".pwconv$1."],
      [/^stages\./, "encoder.stages."],
      [/^head\.norm\./, "layernorm."],
    ],
  };

function inThirds(
  name: string,
  tensor: StoredTensor,
): [string, StoredTensor][] {
  const [rows, ...rest] = tensor.shape;
  const bytes = tensor.data.length / 3;
  return ["query", "key", "value"].map((part, i) => [
    name.replace("qkv", part),
    {
      ...tensor,
      shape: [rows / 3, ...rest],
      data: tensor.data.slice(i * bytes, (i + 1) * bytes),
    },
  ]);
}

/**
 * The tensors of a tiny Swin or ConvNeXt under Hugging Face's names.
 *
 * @param model `swin` or `convnext`.
 */
export async function hugged(
  model: string,
): Promise<Map<string, StoredTensor>> {
  const { tensors } = await readSafetensors(
    `${FOLDER}/${model}/model.safetensors`,
  );
  return new Map([...tensors].flatMap(([name, tensor]) => {
    if (/attn_mask|_index$/.test(name)) return [];
    if (name.startsWith("head.fc.")) {
      return [[name.replace("head.fc", "classifier"), tensor] as const];
    }
    const inside = RULES[model].reduce(
      (found, [pattern, replacement]) => found.replace(pattern, replacement),
      name,
    );
    const whole = `${model}.${inside}`;
    return name.includes("qkv") ? inThirds(whole, tensor) : [[whole, tensor]];
  }));
}
