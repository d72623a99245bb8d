/**
 * What `--backbone` may be.
 *
 * @module
 */

import { hinted } from "../core/errors.ts";
import {
  type Backbone,
  readBackbone,
  scratchBackbone,
} from "../core/models/backbone.ts";
import type { VitConfig } from "../core/models/vit.ts";
import { findBackbone, zoo } from "../core/models/zoo.ts";
import type { Flag } from "./command.ts";

/** Starts what names an architecture without weights. */
const SCRATCH = "scratch:";

/** Path of a file that ships with the program. */
export function assetPath(name: string): string {
  const url = new URL(`../assets/${name}`, import.meta.url);
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}

/** The backbone that ships with its weights. */
export const SHIPPED = "vit_t8_32.safetensors";

/** `--backbone`, the shipped one where it is not given. */
export const backboneFlag: Flag = {
  name: "backbone",
  kind: "text",
  placeholder: "FILE|scratch:NAME",
  defaultText: "the shipped vit_t8_32",
  help: "pretrained weights as safetensors with timm's names, or random ones",
};

/**
 * Reads or makes a backbone.
 *
 * @param source A path, or `scratch:` and a name of the zoo; the shipped
 * backbone where it is left out.
 * @param seed Of random weights.
 */
export async function openBackbone(
  source: string | undefined,
  seed: number,
): Promise<Backbone> {
  if (source === undefined) return await readBackbone(assetPath(SHIPPED));
  if (source.startsWith(SCRATCH)) {
    const name = source.slice(SCRATCH.length);
    return scratchBackbone(name, findBackbone(name), seed);
  }
  if (zoo.has(source) && !await exists(source)) {
    throw hinted(
      new RangeError(
        `Cannot read the backbone ${source}: got a name without weights, ` +
          "wanted a file",
      ),
      `--backbone ${SCRATCH}${source} starts from random weights`,
    );
  }
  return await readBackbone(source);
}

/** The sizes of a backbone by a zoo name, or of a file. */
export async function backboneConfig(source: string): Promise<VitConfig> {
  const name = source.startsWith(SCRATCH)
    ? source.slice(SCRATCH.length)
    : source;
  if (!zoo.has(name) && await exists(name)) {
    return (await readBackbone(name)).config;
  }
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
