/**
 * Pretrained backbones as files, with timm's tensor names.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import type { Shape } from "../graph/graph.ts";
import {
  fromFloat32,
  readSafetensors,
  type SafetensorsFile,
  toFloat32,
  writeSafetensors,
} from "../weights/safetensors.ts";
import { sha256 } from "../weights/sha256.ts";
import type { NamedTensors } from "./adapted_model.ts";
import { initialise } from "./init.ts";
import {
  checkConfig,
  type ModelConfig,
  modelTensors,
} from "./architectures.ts";

/** What images must go through before they enter a backbone. */
export interface Preprocess {
  /** Per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  /** Per channel, above 0. */
  readonly std: readonly number[];
}

/** A vision transformer's weights and what they expect. */
export interface Backbone {
  /** File name or architecture, for people. */
  readonly name: string;
  /** `classes` is the head's in the file, 0 if it has none. */
  readonly config: ModelConfig;
  /** What its images must go through. */
  readonly preprocess: Preprocess;
  /** Weights by timm's names. */
  readonly tensors: NamedTensors;
  /** SHA-256 of the file; of the name and seed when made from scratch. */
  readonly hash: string;
  /** The other strings in the file's header, such as `classes`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Google's ViTs map pixels to [-1, 1], and so do ours. */
export const HALF: Preprocess = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/**
 * Reads a backbone from a safetensors file with timm's names, in f32, f16 or
 * bf16. The architecture comes from the metadata `config` where there is one,
 * else it is read off the tensors, with heads of 64 and eps 1e-6 as in every
 * ViT of timm.
 *
 * @throws {TypeError} If tensors are missing, extra or misshaped; all are
 * listed.
 * @throws {RangeError} If the file is damaged.
 */
export async function readBackbone(path: string): Promise<Backbone> {
  const file = await readSafetensors(path);
  const config = file.metadata.config
    ? parseConfig(file.metadata.config, path)
    : inferConfig(file, path);
  checkTensors(file, config, path);
  const tensors = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, tensor] of file.tensors) {
    tensors.set(name, Float32Array.from(toFloat32(tensor)));
  }
  const preprocess = file.metadata.preprocess
    ? JSON.parse(file.metadata.preprocess) as Preprocess
    : HALF;
  return {
    name: path.split("/").at(-1)?.replace(/\.safetensors$/, "") ?? path,
    config,
    preprocess,
    tensors,
    hash: await sha256(await Deno.readFile(path)),
    metadata: file.metadata,
  };
}

/**
 * Starts a backbone from random weights, as timm does.
 *
 * @param name For people.
 * @throws {RangeError} If the sizes do not fit each other.
 */
export function scratchBackbone(
  name: string,
  config: ModelConfig,
  seed: number,
): Backbone {
  checkConfig(config);
  const tensors = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [tensor, { shape, init }] of modelTensors(config)) {
    const count = shape.reduce((product, size) => product * size, 1);
    tensors.set(tensor, initialise(init, count, seed, tensor));
  }
  const hash = `scratch ${name} seed ${seed}`;
  return { name, config, preprocess: HALF, tensors, hash, metadata: {} };
}

/** How {@linkcode writeBackbone} stores a backbone. */
export interface WriteBackboneOptions {
  /** Element type, default `F32`. */
  dtype?: "F32" | "F16";
  /** Replace an existing file; default false. */
  overwrite?: boolean;
  /** More strings for the file's metadata. */
  metadata?: Record<string, string>;
}

/**
 * Writes a backbone as safetensors with timm's names, whole or not at all.
 *
 * @throws {RangeError} If the path exists.
 */
export async function writeBackbone(
  path: string,
  backbone: Pick<Backbone, "config" | "preprocess" | "tensors">,
  options: WriteBackboneOptions = {},
): Promise<void> {
  const { config, preprocess, tensors } = backbone;
  const { dtype = "F32", overwrite, metadata = {} } = options;
  const stored = new Map(
    [...modelTensors(config)].map(([name, { shape }]) => {
      const values = tensors.get(name);
      if (!values) {
        throw new TypeError(`Cannot write a backbone: got no tensor ${name}`);
      }
      return [name, fromFloat32(values, [...shape], dtype)] as const;
    }),
  );
  await writeSafetensors(path, {
    metadata: {
      ...metadata,
      format: "pt",
      config: JSON.stringify(config),
      preprocess: JSON.stringify(preprocess),
    },
    tensors: stored,
  }, { overwrite });
}

function parseConfig(text: string, path: string): ModelConfig {
  // Files from before there was a choice are vision transformers.
  const config = { architecture: "vit", ...JSON.parse(text) } as ModelConfig;
  try {
    checkConfig(config);
  } catch (cause) {
    throw new TypeError(
      `Cannot read the backbone ${path}: got metadata that describes no ` +
        `model, ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  return config;
}

function inferConfig(file: SafetensorsFile, path: string): ModelConfig {
  const shapeOf = (name: string): number[] => {
    const tensor = file.tensors.get(name);
    if (tensor) return tensor.shape;
    throw hinted(
      new TypeError(
        `Cannot read the backbone ${path}: got no tensor ${name}, wanted the ` +
          `tensors of a timm vision transformer`,
      ),
      "the file must hold a ViT under timm's names",
    );
  };
  const [width, channels, patchSize] = shapeOf("patch_embed.proj.weight");
  const [, tokens] = shapeOf("pos_embed");
  const [mlpHidden] = shapeOf("blocks.0.mlp.fc1.weight");
  const depth = [...file.tensors.keys()]
    .filter((name) => /^blocks\.\d+\.norm1\.weight$/.test(name)).length;
  const classes = file.tensors.get("head.weight")?.shape[0] ?? 1;
  const config = {
    imageSize: Math.round(Math.sqrt(tokens - 1)) * patchSize,
    patchSize,
    channels,
    width,
    depth,
    heads: width / 64,
    mlpHidden,
    classes,
    eps: 1e-6,
  };
  return parseConfig(JSON.stringify(config), path);
}

/** Lists every tensor that is missing, extra or misshaped. */
function checkTensors(
  file: SafetensorsFile,
  config: ModelConfig,
  path: string,
): void {
  const wanted = modelTensors(config);
  const faults: string[] = [];
  const show = (shape: Shape) => `[${shape.join(", ")}]`;
  for (const [name, { shape }] of wanted) {
    const tensor = file.tensors.get(name);
    if (!tensor) {
      // A new task gets a new head, so a backbone without one is complete.
      if (!name.startsWith("head.")) faults.push(`missing ${name}`);
    } else if (show(tensor.shape) !== show(shape)) {
      faults.push(`${name} ${show(tensor.shape)} instead of ${show(shape)}`);
    }
  }
  for (const name of file.tensors.keys()) {
    if (!wanted.has(name)) faults.push(`extra ${name}`);
  }
  if (faults.length === 0) return;
  throw new TypeError(
    `Cannot read the backbone ${path}: got ${faults.length} wrong tensors ` +
      `(${faults.join("; ")}), wanted those of a vision transformer of width ` +
      `${config.width} and depth ${config.depth}`,
  );
}
