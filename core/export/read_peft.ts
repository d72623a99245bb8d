/**
 * Reads peft's LoRA adapters of vision transformers.
 *
 * @module
 */

import { z } from "zod";
import { hinted } from "../errors.ts";
import { reversed } from "../models/checkpoints/recipes.ts";
import { pickled } from "../weights/pickle.ts";
import {
  readSafetensors,
  type StoredTensor,
  toFloat32,
} from "../weights/safetensors.ts";
import type { ForeignAdapter, ForeignTensor } from "./foreign_adapter.ts";
import { PEFT_CONFIG, PEFT_FILE } from "./peft_adapter.ts";
import { PEFT_PREFIX, peftTargets } from "./peft_names.ts";
import { readBeside } from "./read_beside.ts";

const settings = z.looseObject({
  ["peft_type"]: z.string(),
  r: z.int().positive(),
  ["lora_alpha"]: z.number(),
  ["lora_dropout"]: z.number().min(0).lt(1).default(0),
  ["use_rslora"]: z.boolean().default(false),
  bias: z.string().default("none"),
  ["init_lora_weights"]: z.union([z.boolean(), z.string()]).default(true),
  ["modules_to_save"]: z.array(z.string()).nullish(),
});

type Settings = z.infer<typeof settings>;

/** What stands for another computation where it is neither off nor empty. */
const MUST_BE_OFF = [
  "alora_invocation_tokens",
  "alpha_pattern",
  "fan_in_fan_out",
  "layer_replication",
  "lora_bias",
  "rank_pattern",
  "target_parameters",
  "trainable_token_indices",
  "use_bdlora",
  "use_dora",
  "use_qalora",
];

/** Starts that leave the backbone's weights alone. */
const PLAIN_STARTS = [true, false, "gaussian", "eva", "orthogonal"];

/**
 * Reads an adapter that peft saved.
 *
 * @param path Folder with `adapter_config.json` and
 * `adapter_model.safetensors`.
 * @throws {SyntaxError} If the settings are not peft's.
 * @throws {RangeError} If it is not plain LoRA, with the reason.
 * @throws {TypeError} If tensors are no LoRA matrices of a ViT; all are listed.
 */
export async function readPeft(path: string): Promise<ForeignAdapter> {
  const text = await Deno.readTextFile(`${path}/${PEFT_CONFIG}`);
  const found = parseSettings(text, `${path}/${PEFT_CONFIG}`);
  checkSettings(found, path);
  const stored = await openTensors(path);
  const tensors = tensorsOf(stored, path);
  const targets = peftTargets.filter(({ here }) =>
    [...tensors.keys()].some((name) => name.includes(`.${here}.`))
  );
  const { r: rank, ["lora_alpha"]: alpha, ["lora_dropout"]: dropout } = found;
  return {
    path,
    format: "peft",
    method: "lora",
    options: {
      rank,
      // Here the update is times alpha / rank, with rslora alpha / √rank.
      alpha: found.use_rslora ? alpha * Math.sqrt(rank) : alpha,
      targets: targets.map(({ target }) => target).join(","),
      dropout,
    },
    tensors,
    ...await readBeside(path),
  };
}

function parseSettings(text: string, path: string): Settings {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read ${path}: got text that is not JSON, wanted peft's settings`,
      { cause },
    );
  }
  const result = settings.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new SyntaxError(
    `Cannot read ${path}: got a wrong field "${issue.path.join(".")}" ` +
      `(${issue.message}), wanted the settings of a LoRA adapter`,
  );
}

function checkSettings(found: Settings, path: string): void {
  const refuse = (got: string, wanted: string): never => {
    throw new RangeError(
      `Cannot import ${path}: got ${got}, wanted ${wanted}`,
    );
  };
  const { peft_type: type, bias, init_lora_weights: start } = found;
  if (type !== "LORA") refuse(`an adapter of peft's ${type}`, "LORA");
  const on = MUST_BE_OFF.filter((name) => !isOff(found[name]));
  if (on.length > 0) {
    refuse(`${on.join(" and ")} in its settings`, "plain LoRA");
  }
  if (bias !== "none") refuse(`bias ${bias}`, "none");
  if (!PLAIN_STARTS.includes(start)) {
    refuse(
      `init_lora_weights ${start}, which changes the backbone too`,
      "weights that only LoRA changes",
    );
  }
  const more = (found.modules_to_save ?? []).filter((name) =>
    name !== "classifier"
  );
  if (more.length > 0) {
    refuse(`trained modules ${more.join(", ")}`, "the classifier alone");
  }
}

function isOff(value: unknown): boolean {
  return !value ||
    typeof value === "object" && Object.keys(value).length === 0;
}

async function openTensors(
  path: string,
): Promise<ReadonlyMap<string, StoredTensor>> {
  try {
    return (await readSafetensors(`${path}/${PEFT_FILE}`)).tensors;
  } catch (error) {
    const pickle = `${path}/adapter_model.bin`;
    if (await Deno.stat(pickle).catch(() => undefined)) throw pickled(pickle);
    throw error;
  }
}

function tensorsOf(
  stored: ReadonlyMap<string, StoredTensor>,
  path: string,
): Map<string, ForeignTensor> {
  const tensors = new Map<string, ForeignTensor>();
  const others: string[] = [];
  for (const [there, tensor] of stored) {
    const head = there.startsWith(`${PEFT_PREFIX}classifier.`)
      ? `head.${there.slice(`${PEFT_PREFIX}classifier.`.length)}`
      : undefined;
    const name = head ?? updateName(there);
    if (!name) others.push(there);
    else tensors.set(name, head ? plain(there, tensor) : turned(there, tensor));
  }
  if (others.length > 0) {
    throw new TypeError(
      `Cannot import ${path}: got the tensors ${
        others.slice(0, 4).join(", ")
      }` +
        `${others.length > 4 ? `, … (${others.length})` : ""}, wanted LoRA's ` +
        "of query, key, value and the dense layers of a ViT, and a classifier",
    );
  }
  if (tensors.has("head.weight")) return tensors;
  throw hinted(
    new TypeError(
      `Cannot import ${path}: got no ${PEFT_PREFIX}classifier.weight, wanted ` +
        "an adapter with its classifier",
    ),
    'in peft, LoraConfig(modules_to_save=["classifier"]) keeps it',
  );
}

/** The name here of lora_A or lora_B, if it is one of a ViT's. */
function updateName(there: string): string | undefined {
  const rest = there.startsWith(PEFT_PREFIX)
    ? there.slice(PEFT_PREFIX.length)
    : "";
  const [, block, module, part] =
    /^(?:vit\.)?encoder\.layer\.(\d+)\.(.+)\.lora_([AB])\.weight$/.exec(rest) ??
      [];
  const found = peftTargets.find((target) => target.there === module);
  const end = part === "A" ? "down" : "up";
  return found && `adapter.blocks.${block}.${found.here}.${end}`;
}

function plain(there: string, tensor: StoredTensor): ForeignTensor {
  return {
    there,
    shape: tensor.shape,
    values: () => Float32Array.from(toFloat32(tensor)),
  };
}

function turned(there: string, tensor: StoredTensor): ForeignTensor {
  const [rows = 0, columns = 0, ...more] = tensor.shape;
  return {
    there,
    shape: [columns, rows, ...more],
    values: () => reversed(toFloat32(tensor), [rows, 1, columns]),
  };
}
