/**
 * Opens what `--backbone` names: a file, or a folder with one.
 *
 * @module
 */

import { hinted } from "../../errors.ts";
import { type ByteSource, fileSource } from "../../weights/byte_source.ts";
import { pickled } from "../../weights/pickle.ts";
import { statSource } from "../../weights/read_file.ts";
import { openNpz } from "../../weights/npz.ts";
import { openSafetensors } from "../../weights/safetensors.ts";
import { openSharded } from "../../weights/sharded.ts";
import type { TensorFile } from "../../weights/tensor_file.ts";
import type { Checkpoint, JsonObject } from "./checkpoint.ts";

/**
 * Opens a checkpoint; the format is recognised by the first bytes.
 *
 * @param path A safetensors file, the index of a sharded one, an npz file, or a
 * folder that holds one of them.
 * @throws {RangeError} If there is none, or it is damaged.
 * @throws {SyntaxError} If it is of another format.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const { isDirectory } = await statSource(path);
  const given = path.replace(/(.)[/\\]+$/, "$1");
  const main = isDirectory ? await mainFile(given) : given;
  const folder = folderOf(main);
  const source = await fileSource(main);
  const { file, sources } = await openTensors(source, folder);
  const config = await readJson(`${folder}config.json`, isModelConfig);
  const preprocessor = await readJson(
    `${folder}preprocessor_config.json`,
    (json) => "image_mean" in json || "do_normalize" in json,
  );
  const name = isDirectory ? given : main;
  return { path, name: nameOf(name), file, sources, config, preprocessor };
}

async function openTensors(
  source: ByteSource,
  folder: string,
): Promise<{ file: TensorFile; sources: ByteSource[] }> {
  const first = source.read(0, Math.min(8, source.size));
  const start = String.fromCharCode(...first);
  if (start.startsWith("PK\x03\x04")) {
    return { file: await openNpz(source), sources: [source] };
  }
  // A safetensors file starts with a length, whose eighth byte is zero.
  if (first[7] !== 0) {
    if (start.startsWith("\x80")) throw pickled(source.name);
    if (/^\s*\{/.test(start)) return await openSharded(source, folder);
  }
  return { file: openSafetensors(source), sources: [source] };
}

/** The file in a folder that holds the tensors, or their index. */
async function mainFile(folder: string): Promise<string> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.isDirectory) names.push(entry.name);
  }
  const usual = ["model.safetensors", "model.safetensors.index.json"]
    .find((name) => names.includes(name));
  if (usual) return `${folder}/${usual}`;
  const fitting = names.filter((name) =>
    /\.(safetensors|npz|safetensors\.index\.json)$/.test(name)
  ).sort();
  if (fitting.length === 1) return `${folder}/${fitting[0]}`;
  const pickle = names.find((name) => /\.(bin|pth?|ckpt)$/.test(name));
  if (fitting.length === 0 && pickle) throw pickled(`${folder}/${pickle}`);
  throw hinted(
    new RangeError(
      `Cannot read the backbone ${folder}: got a folder with ${
        fitting.length ? fitting.join(", ") : "no file of tensors"
      }, wanted one model.safetensors`,
    ),
    "give the path of the file itself",
  );
}

/** Files larger than these are no configurations. */
const LARGEST_JSON = 1 << 20;

/**
 * An object from a file beside tensors, if it is there and fits.
 *
 * @throws {SyntaxError} If it is not JSON.
 */
export async function readJson(
  path: string,
  fits: (json: JsonObject) => boolean = () => true,
): Promise<JsonObject | undefined> {
  let text: string;
  try {
    if ((await Deno.stat(path)).size > LARGEST_JSON) return undefined;
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read ${path}: got text that is not JSON, wanted what the ` +
        "program that wrote the weights writes beside them",
      { cause },
    );
  }
  const isObject = typeof json === "object" && json !== null &&
    !Array.isArray(json);
  return isObject && fits(json as JsonObject) ? json as JsonObject : undefined;
}

/** Other programs name their files `config.json` too; theirs are not read. */
function isModelConfig(json: JsonObject): boolean {
  return typeof json.model_type === "string" ||
    (typeof json.architecture === "string" && "pretrained_cfg" in json);
}

function folderOf(path: string): string {
  return path.slice(0, path.search(/[^/\\]*$/));
}

function nameOf(path: string): string {
  const name = path.split(/[/\\]/).at(-1) ?? path;
  return name.replace(/\.(safetensors|npz|safetensors\.index\.json)$/, "");
}
