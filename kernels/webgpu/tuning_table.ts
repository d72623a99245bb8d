/**
 * What a tuner found on an adapter, as text.
 *
 * A table belongs to an adapter, to its driver and to the kernels that were
 * measured. WebGPU does not tell a driver's version: what stands for it is the
 * description, the features and the limits that the driver gives the adapter,
 * and the version of Deno, which holds the compiler of WGSL.
 *
 * @module
 */

import type { AdapterReport } from "./adapter.ts";
import type { AdapterClass } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import {
  candidateVariants,
  type MatmulVariant,
  parseMatmulKey,
  variantName,
} from "./matmul_variant.ts";

/** What a table was measured with. */
export interface TableOwner {
  readonly adapter: string;
  readonly driver: string;
  readonly kernels: string;
}

const FORMAT = "alore-tuning";
const VERSION = 1;

/**
 * Who a table of this adapter belongs to.
 *
 * @param runtime The version of Deno.
 */
export function tableOwner(
  { id, subgroups, features, limits }: Omit<
    AdapterReport,
    "description" | "software"
  >,
  runtime: string,
): TableOwner {
  const offers = JSON.stringify([
    subgroups,
    features,
    Object.entries(limits).sort(),
  ]);
  const shaders = matmul.shaders.map(({ wgsl }) => wgsl).join();
  return {
    adapter: id,
    driver: `${digest(offers)} Deno ${runtime}`,
    kernels: digest(shaders),
  };
}

/** Writes a table. */
export function tableText(
  owner: TableOwner,
  choices: ReadonlyMap<string, MatmulVariant>,
): string {
  const products = Object.fromEntries([...choices].sort());
  const document = { format: FORMAT, version: VERSION, ...owner, products };
  return JSON.stringify(document, undefined, 2) + "\n";
}

/**
 * Reads a table.
 *
 * @throws {SyntaxError} If it is no table, or has what cannot be run.
 * @throws {RangeError} If it was measured with something else.
 */
export function parseTable(
  text: string,
  owner: TableOwner,
  adapter: AdapterClass,
): Map<string, MatmulVariant> {
  const document = asObject(parseJson(text), "the file");
  if (document.format !== FORMAT || document.version !== VERSION) {
    throw new SyntaxError(
      `Cannot read the tuning table: got format ${document.format} ` +
        `${document.version}, wanted ${FORMAT} ${VERSION}`,
    );
  }
  for (const [name, wanted] of Object.entries(owner)) {
    if (document[name] === wanted) continue;
    throw new RangeError(
      `Cannot use the tuning table: got ${name} "${document[name]}", wanted ` +
        `"${wanted}"`,
    );
  }
  const products = Object.entries(asObject(document.products, "products"));
  return new Map(products.map(([key, value]) => [
    key,
    variantOf(key, asObject(value, key), adapter),
  ]));
}

/** The candidate that an entry names: nothing else is ever run. */
function variantOf(
  key: string,
  { tile, lanes, chunks }: Record<string, unknown>,
  adapter: AdapterClass,
): MatmulVariant {
  const wanted = JSON.stringify([tile, lanes, chunks]);
  const shape = parseMatmulKey(key);
  const found = shape &&
    candidateVariants(shape, adapter).find((one) =>
      JSON.stringify([one.tile, one.lanes, one.chunks]) === wanted
    );
  if (found) return found;
  throw new SyntaxError(
    `Cannot read the tuning table: got ${wanted} for ${key}, wanted a variant ` +
      (shape
        ? `such as ${variantName(candidateVariants(shape, adapter)[0])}`
        : "of a shape"),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new SyntaxError(`Cannot read the tuning table: ${message}`);
  }
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value));
  }
  throw new SyntaxError(
    `Cannot read the tuning table: got ${JSON.stringify(value)} for ${what}, ` +
      "wanted an object",
  );
}

/** FNV-1a, 32 bits: tells versions apart, guards against nobody. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
