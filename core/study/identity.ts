/**
 * What makes two runs the same run.
 *
 * @module
 */

import type { RunConfig } from "../train/run_config.ts";
import { sha256 } from "../weights/sha256.ts";

/** Hexadecimal digits of an identity. */
const DIGITS = 12;

/**
 * The identity of a run: the first twelve hexadecimal digits of the SHA-256 of
 * everything that decides its result. Paths, the engine and the toolkit's own
 * version are left out: files may move, and results do not depend on the rest.
 */
export async function identityOf(config: RunConfig): Promise<string> {
  const { format, version, method, options, settings, classes } = config;
  const text = canonicalJson({
    format: `${format}/${version}`,
    method,
    options,
    settings,
    backbone: config.backbone.hash,
    data: config.data.hash,
    classes,
    precision: config.precision,
  });
  const digest = await sha256(new TextEncoder().encode(text));
  return digest.slice(0, DIGITS);
}

/** JSON with the fields of every object in order, and no spaces. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) {
      return part;
    }
    return Object.fromEntries(
      Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1),
    );
  });
}
