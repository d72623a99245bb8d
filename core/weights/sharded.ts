/**
 * Tensors in several safetensors files with an index, as Hugging Face shards
 * large models.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { type ByteSource, fileSource } from "./byte_source.ts";
import { findDuplicateKey } from "./duplicate_key.ts";
import { openSafetensors } from "./safetensors.ts";
import {
  type TensorEntry,
  type TensorFile,
  unknownTensor,
} from "./tensor_file.ts";

/** An index larger than this is none. */
const LARGEST_INDEX = 64 << 20;

/**
 * Opens the shards that an index names.
 *
 * @param index A JSON text whose `weight_map` names a file for each tensor.
 * @param folder Where the files are, with a separator at its end; or empty.
 * @returns All tensors as one file, and the shards in the order of their names.
 * @throws {SyntaxError} If the index is none, or names a file elsewhere.
 * @throws {RangeError} If shards are missing, all of which are listed, or
 * damaged, or their tensors are not those that the index names.
 */
export async function openSharded(
  index: ByteSource,
  folder: string,
): Promise<{ file: TensorFile; sources: ByteSource[] }> {
  const places = parseIndex(index);
  const names = [...new Set(places.values())].sort();
  await requireShards(index, folder, names);
  const sources = await Promise.all(
    names.map((name) => fileSource(folder + name)),
  );
  const shards = new Map(
    sources.map((source, i) => [names[i], openSafetensors(source)]),
  );
  const entries = new Map<string, TensorEntry>();
  const faults: string[] = [];
  for (const [shard, { entries: found }] of shards) {
    for (const [tensor, entry] of found) {
      if (places.get(tensor) === shard) entries.set(tensor, entry);
      else faults.push(`${tensor} in ${shard}`);
    }
  }
  for (const [tensor, shard] of places) {
    if (!entries.has(tensor)) faults.push(`no ${tensor} in ${shard}`);
  }
  if (faults.length > 0) {
    throw new RangeError(
      `Cannot read ${index.name}: got shards that differ from it ` +
        `(${faults.join("; ")}), wanted every tensor where it says`,
    );
  }
  const file: TensorFile = {
    metadata: {},
    entries,
    read(tensor, room) {
      const shard = shards.get(places.get(tensor) ?? "");
      if (!shard) throw unknownTensor(tensor, index.name);
      return shard.read(tensor, room);
    },
  };
  return { file, sources };
}

async function requireShards(
  index: ByteSource,
  folder: string,
  names: readonly string[],
): Promise<void> {
  const there = await Promise.all(
    names.map(async (name) => {
      const found = await Deno.stat(folder + name).catch(() => undefined);
      return found?.isFile ?? false;
    }),
  );
  const missing = names.filter((_, i) => !there[i]);
  if (missing.length === 0) return;
  throw hinted(
    new RangeError(
      `Cannot read ${index.name}: got no ${missing.join(", no ")} beside it, ` +
        `wanted all ${names.length} shards that it names`,
    ),
    "copy the missing files into its folder",
  );
}

/** The file of each tensor. */
function parseIndex(index: ByteSource): Map<string, string> {
  const { name, size } = index;
  const wrong = (got: string) =>
    new SyntaxError(
      `Cannot read ${name}: got ${got}, wanted an index whose weight_map ` +
        "names a file beside it for every tensor",
    );
  if (size > LARGEST_INDEX) throw wrong(`${size} bytes of JSON`);
  let json: unknown;
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(
      index.read(0, size),
    );
    json = JSON.parse(text);
  } catch {
    throw wrong("text that is not JSON");
  }
  const twice = findDuplicateKey(text);
  if (twice !== undefined) throw wrong(`"${twice}" twice`);
  const map = typeof json === "object" && json !== null &&
    (json as Record<string, unknown>).weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw wrong("no weight_map");
  }
  const places = new Map<string, string>(Object.entries(map));
  for (const file of places.values()) {
    // An index must not lead out of its folder.
    if (typeof file !== "string" || !/^[^/\\:]+$/.test(file) || file === "..") {
      throw wrong(`the file ${JSON.stringify(file)}`);
    }
  }
  return places;
}
