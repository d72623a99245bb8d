/**
 * What `--backbone` may be.
 *
 * @module
 */

import { hinted } from "../core/errors.ts";
import {
  type Backbone,
  inspectBackbone,
  readBackbone,
  scratchBackbone,
} from "../core/models/backbone.ts";
import type { ModelConfig } from "../core/models/architectures.ts";
import { hubBackbones, pulledFolder } from "../core/models/hub.ts";
import { findBackbone, zoo } from "../core/models/zoo.ts";
import type { Flag } from "./flag.ts";

/** Starts what names an architecture without weights. */
const SCRATCH = "scratch:";

/**
 * Path of a file that ships with the program, relative where the user is above
 * it.
 */
export function assetPath(name: string): string {
  const url = new URL(`../assets/${name}`, import.meta.url);
  const path = fromFileUrl(url);
  const here = `${Deno.cwd().replaceAll("\\", "/")}/`;
  return path.startsWith(here) ? path.slice(here.length) : path;
}

function fromFileUrl(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}

/** Names whose weights ship with the program, and their files. */
const SHIPPED: ReadonlyMap<string, string> = new Map([
  ["vit-t8-32", "vit_t8_32.safetensors"],
]);

/** Whether a source stands for random weights, which depend on the seed. */
export function isScratch(source: string): boolean {
  return source.startsWith(SCRATCH);
}

/** `--backbone`, for commands that need weights. */
export const backboneFlag: Flag = {
  name: "backbone",
  kind: "text",
  placeholder: "PATH|NAME|scratch:NAME",
  default: "vit-t8-32",
  help: "weights by timm, Hugging Face, torchvision (safetensors) or Google " +
    "(npz), a file or its folder; a name that ships with its weights or was " +
    "pulled; or random weights",
};

/**
 * Reads or makes a backbone.
 *
 * @param source A path, a name whose weights ship or were pulled, or
 * `scratch:` and a name.
 * @param seed Of random weights.
 * @param imageSize In pixels, where it is not the backbone's own.
 * @throws {RangeError} If there is no such file or name.
 */
export async function openBackbone(
  source: string,
  seed: number,
  imageSize?: number,
): Promise<Backbone> {
  if (isScratch(source)) {
    const name = source.slice(SCRATCH.length);
    const config = findBackbone(name);
    const sized = { ...config, imageSize: imageSize ?? config.imageSize };
    return scratchBackbone(name, sized, seed);
  }
  const shipped = SHIPPED.get(source);
  if (shipped) return await readBackbone(assetPath(shipped), { imageSize });
  const pulled = hubBackbones.has(source) && pulledFolder(source);
  if (pulled && await exists(pulled)) {
    return await readBackbone(pulled, { imageSize });
  }
  if (pulled || zoo.has(source)) throw withoutWeights(source, Boolean(pulled));
  return await readBackbone(source, { imageSize });
}

function withoutWeights(name: string, onHub: boolean): Error {
  const ways = [
    ...onHub ? [`deno task pull ${name} fetches them`] : [],
    ...zoo.has(name)
      ? [`--backbone ${SCRATCH}${name} starts from random ones`]
      : [],
  ];
  return hinted(
    new RangeError(
      `Cannot read the backbone ${name}: got a name without weights, wanted ` +
        "a file",
    ),
    ways.join("; "),
  );
}

/** The sizes of a backbone by a zoo name, or of a file. */
export async function backboneConfig(source: string): Promise<ModelConfig> {
  const name = source.startsWith(SCRATCH)
    ? source.slice(SCRATCH.length)
    : source;
  if (zoo.has(name)) return findBackbone(name);
  const pulled = hubBackbones.has(name) ? pulledFolder(name) : name;
  if (await exists(pulled)) return (await inspectBackbone(pulled)).config;
  return findBackbone(name);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
