/**
 * Where peft's names and LoRA's here meet.
 *
 * Source: peft's checkpoint format
 * (https://huggingface.co/docs/peft/developer_guides/checkpoint): names are
 * those of the model behind `base_model.model.`, the name of the adapter is left
 * out, and modules_to_save stand under their own names.
 *
 * @module
 */

/** Before every name: peft's wrapper around the model. */
export const PEFT_PREFIX = "base_model.model.";

/** A layer of a block that can have an update. */
export interface PeftTarget {
  /** As in LoRA's option. */
  readonly target: string;
  /** Of the tensors here, inside a block. */
  readonly here: string;
  /** The module inside a layer of Hugging Face's ViT. */
  readonly there: string;
}

/** Every layer that can have an update. */
export const peftTargets: readonly PeftTarget[] = [
  { target: "q", here: "attn.q", there: "attention.attention.query" },
  { target: "k", here: "attn.k", there: "attention.attention.key" },
  { target: "v", here: "attn.v", there: "attention.attention.value" },
  { target: "proj", here: "attn.proj", there: "attention.output.dense" },
  { target: "fc1", here: "mlp.fc1", there: "intermediate.dense" },
  { target: "fc2", here: "mlp.fc2", there: "output.dense" },
];
