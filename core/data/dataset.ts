/**
 * The packed data set file: images of one size, labels, class names, splits and
 * where they came from, in one safetensors file.
 *
 * Tensors `SPLIT.images` (U8 (count, size, size, 3)) and `SPLIT.labels` (I32
 * (count)) for each split that is there; metadata `format` "alore-dataset",
 * `version` "1", `classes` (JSON array of strings) and `description` (JSON).
 *
 * @module
 */
import { hinted } from "../errors.ts";
import { readFile } from "../weights/read_file.ts";
import {
  encodeSafetensors,
  parseSafetensors,
  type SafetensorsFile,
  type StoredTensor,
  toInt32,
} from "../weights/safetensors.ts";
import { sha256 } from "../weights/sha256.ts";
import { writeFile, type WriteFileOptions } from "../weights/write_file.ts";
import {
  type DatasetDescription,
  describe,
  parseDescription,
} from "./description.ts";

export type { DatasetDescription, Resize } from "./description.ts";

/** What a part of a data set is for. */
export type SplitName = "train" | "validation" | "test";

/** The splits in their order. */
export const splitNames: readonly SplitName[] = ["train", "validation", "test"];

/** One part of a data set. */
export interface Split {
  /** (count, size, size, 3), 0 to 255. */
  images: Uint8Array<ArrayBuffer>;
  /** (count), class of each image. */
  labels: Int32Array<ArrayBuffer>;
  /** Number of images, at least 1. */
  count: number;
}

/** A data set in memory. */
export interface Dataset {
  /** Side of every image in pixels. */
  imageSize: number;
  /** Name of each class; labels index it. */
  classes: string[];
  /** The splits that are there, at least one. */
  splits: Map<SplitName, Split>;
  /** Where the images came from. */
  description: DatasetDescription;
  /** SHA-256 of the file's bytes, in hexadecimal. */
  hash: string;
}

/** A data set that is not in a file yet. */
export type UnsavedDataset = Omit<Dataset, "hash">;

const FORMAT = "alore-dataset";
const VERSION = "1";

/**
 * Reads a packed data set.
 *
 * @throws {SyntaxError} If the file is no safetensors file or no data set.
 * @throws {RangeError} If its parts disagree: shapes, counts, labels, names.
 */
export async function readDataset(path: string): Promise<Dataset> {
  return await parseDataset(await readFile(path), path);
}

/**
 * Parses a packed data set; see {@linkcode readDataset} for what is thrown.
 *
 * @param bytes The whole file; images share its memory.
 * @param name What messages call the file.
 */
export async function parseDataset(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<Dataset> {
  const file = parseSafetensors(bytes, name);
  const { classes, description } = parseMetadata(file, name);
  const { splits, imageSize } = parseSplits(file.tensors, name);
  const dataset = { imageSize, classes, splits, description };
  const fault = faultOf(dataset);
  if (fault) throw new RangeError(`Cannot read ${name}: ${fault}`);
  return { ...dataset, hash: await sha256(bytes) };
}

/**
 * Encodes a data set as a file.
 *
 * @param name What messages call the file.
 * @throws {RangeError} If its parts disagree.
 */
export function encodeDataset(
  dataset: UnsavedDataset,
  name: string,
): Uint8Array<ArrayBuffer> {
  const fault = faultOf(dataset);
  if (fault) throw new RangeError(`Cannot write ${name}: ${fault}`);
  const { imageSize, classes, splits, description } = dataset;
  const tensors = new Map<string, StoredTensor>();
  for (const [split, { images, labels, count }] of splits) {
    const shape = [count, imageSize, imageSize, 3];
    tensors.set(`${split}.images`, { dtype: "U8", shape, data: images });
    const { buffer, byteOffset, byteLength } = labels;
    const data = new Uint8Array(buffer, byteOffset, byteLength);
    tensors.set(`${split}.labels`, { dtype: "I32", shape: [count], data });
  }
  const metadata = {
    format: FORMAT,
    version: VERSION,
    classes: JSON.stringify(classes),
    description: describe(description),
  };
  return encodeSafetensors({ metadata, tensors });
}

/**
 * Writes a data set whole or not at all.
 *
 * @throws {RangeError} If its parts disagree, or the path exists and
 * `overwrite` is not set.
 */
export async function writeDataset(
  path: string,
  dataset: UnsavedDataset,
  options: WriteFileOptions = {},
): Promise<void> {
  await writeFile(path, encodeDataset(dataset, path), options);
}

function parseMetadata(
  { metadata }: SafetensorsFile,
  name: string,
): { classes: string[]; description: DatasetDescription } {
  const { format, version, classes, description } = metadata;
  if (format !== FORMAT) {
    throw hinted(
      new SyntaxError(
        `Cannot read ${name}: got format ${
          JSON.stringify(format ?? null)
        } in its metadata, wanted "${FORMAT}"`,
      ),
      "Make a data set file with: data prepare",
    );
  }
  if (version !== VERSION) {
    throw new SyntaxError(
      `Cannot read ${name}: got data set version ${version}, wanted ${VERSION}`,
    );
  }
  const names = parseJson(classes);
  if (!isStrings(names)) {
    throw new SyntaxError(
      `Cannot read ${name}: got classes that are no JSON array of strings, wanted one`,
    );
  }
  return {
    classes: names,
    description: parseDescription(parseJson(description), name),
  };
}

function parseSplits(
  tensors: Map<string, StoredTensor>,
  name: string,
): Pick<Dataset, "splits" | "imageSize"> {
  const splits: Dataset["splits"] = new Map();
  let imageSize = 0;
  const rest = new Set(tensors.keys());
  for (const split of splitNames) {
    const images = tensors.get(`${split}.images`);
    const labels = tensors.get(`${split}.labels`);
    if (!images && !labels) continue;
    if (images?.dtype !== "U8" || labels?.dtype !== "I32") {
      throw new SyntaxError(
        `Cannot read ${name}: got ${
          images?.dtype ?? "no"
        } ${split}.images and ` +
          `${labels?.dtype ?? "no"} ${split}.labels, wanted U8 and I32`,
      );
    }
    const [count, height, width, channels] = images.shape;
    imageSize ||= height;
    if (
      images.shape.length !== 4 || channels !== 3 || height !== width ||
      height !== imageSize || labels.shape.join() !== `${count}`
    ) {
      throw new RangeError(
        `Cannot read ${name}: got ${split}.images [${images.shape}] and ` +
          `${split}.labels [${labels.shape}], wanted [N,S,S,3] and [N]` +
          (imageSize ? ` with S = ${imageSize}` : ""),
      );
    }
    splits.set(split, { images: images.data, labels: toInt32(labels), count });
    rest.delete(`${split}.images`);
    rest.delete(`${split}.labels`);
  }
  for (const extra of rest) {
    throw new SyntaxError(
      `Cannot read ${name}: got a tensor "${extra}", wanted images and labels ` +
        `of ${splitNames.join(", ")} only`,
    );
  }
  return { splits, imageSize };
}

/** What is wrong with a data set, as the end of a message. */
function faultOf(dataset: UnsavedDataset): string | undefined {
  const { imageSize, classes, splits } = dataset;
  if (!Number.isInteger(imageSize) || imageSize < 1) {
    return `got images of size ${imageSize}, wanted at least 1`;
  }
  if (classes.length === 0) return "got no classes, wanted at least 1";
  const twice = classes.find((name, i) => classes.indexOf(name) !== i);
  if (twice !== undefined) {
    return `got class "${twice}" twice, wanted every class name once`;
  }
  if (splits.size === 0) return "got no split, wanted at least 1";
  for (const [name, split] of splits) {
    const fault = splitFault(split, imageSize, classes.length);
    if (fault) return `${fault} in ${name}`;
  }
}

function splitFault(
  { images, labels, count }: Split,
  imageSize: number,
  classes: number,
): string | undefined {
  if (count < 1) return "got no images, wanted at least 1";
  const bytes = count * imageSize * imageSize * 3;
  if (images.length !== bytes || labels.length !== count) {
    return `got ${images.length} bytes of images and ${labels.length} labels, ` +
      `wanted ${bytes} and ${count}`;
  }
  for (let i = 0; i < count; i++) {
    if (labels[i] < 0 || labels[i] >= classes) {
      return `got label ${labels[i]} of image ${i}, wanted 0 to ${classes - 1}`;
    }
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined; // The caller says what it wanted instead.
  }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) &&
    value.every((item) => typeof item === "string");
}
