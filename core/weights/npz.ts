/**
 * NumPy's `.npz`: a zip archive with an array file for each name.
 *
 * @module
 */

import { crc32, inflateRawSync } from "node:zlib";
import type { ByteSource } from "./byte_source.ts";
import {
  NPY_PREFIX,
  npyBytes,
  type NpyHeader,
  npyStart,
  npyTensor,
  parseNpyHeader,
} from "./npy.ts";
import { pickled } from "./pickle.ts";
import { freshRoom, type Room } from "./room.ts";
import { type TensorFile, unknownTensor } from "./tensor_file.ts";
import { readZipDirectory, type ZipEntry } from "./zip_directory.ts";

/** Packed bytes that are enough to unpack a header from. */
const HEADER_CHUNK = 1024;

/**
 * Opens an archive of arrays without reading their numbers.
 *
 * @throws {SyntaxError} If something in it is no array of numbers.
 * @throws {RangeError} If it is damaged, or sizes lie.
 */
export async function openNpz(source: ByteSource): Promise<TensorFile> {
  const entries = new Map<string, NpyHeader & { readonly zip: ZipEntry }>();
  for (const zip of await readZipDirectory(source)) {
    const label = `${source.name}, ${zip.name}`;
    if (zip.name.endsWith(".pkl")) throw pickled(label);
    const header = parseNpyHeader(headerBytes(source, zip, label), label);
    const bytes = npyBytes(header);
    if (bytes === undefined || header.start + bytes !== zip.size) {
      throw new RangeError(
        `Cannot read ${label}: got ${zip.size} bytes, wanted ${
          bytes === undefined ? "a size that can exist" : header.start + bytes
        } for ${header.dtype} [${header.shape}]`,
      );
    }
    const name = zip.name.replace(/\.npy$/, "");
    if (name === zip.name || entries.has(name)) {
      throw new SyntaxError(
        `Cannot read ${source.name}: got the file "${zip.name}", wanted ` +
          "arrays only (.npy), each once",
      );
    }
    entries.set(name, { ...header, zip });
  }
  return {
    metadata: {},
    entries,
    read(name, room = freshRoom) {
      const entry = entries.get(name);
      if (!entry) throw unknownTensor(name, source.name);
      const bytes = unpack(source, entry.zip, room);
      return npyTensor(entry, bytes.subarray(entry.start));
    },
  };
}

/** The bytes of an array file up to its numbers, or a few more. */
function headerBytes(
  source: ByteSource,
  { start, packed, deflated }: ZipEntry,
  label: string,
): Uint8Array {
  if (!deflated) {
    const prefix = source.read(start, Math.min(NPY_PREFIX, packed));
    return source.read(start, Math.min(npyStart(prefix, label), packed));
  }
  const chunk = source.read(start, Math.min(HEADER_CHUNK, packed));
  // What is there of a cut stream, without complaint about the rest of it.
  return inflate(chunk, label, { finishFlush: 2 });
}

function inflate(
  packed: Uint8Array,
  label: string,
  options: { finishFlush?: number; maxOutputLength?: number },
  room: Room = freshRoom,
): Uint8Array<ArrayBuffer> {
  try {
    const unpacked = inflateRawSync(packed, options);
    const bytes = room.bytes(unpacked.length);
    bytes.set(unpacked);
    return bytes;
  } catch (cause) {
    throw new RangeError(
      `Cannot read ${label}: got packed bytes that are damaged or unpack to ` +
        `too many, wanted those that the directory says`,
      { cause },
    );
  }
}

/**
 * The content of a file.
 *
 * @throws {RangeError} If it is not what the directory says.
 */
function unpack(
  source: ByteSource,
  { name, start, packed, size, deflated, crc }: ZipEntry,
  room: Room,
): Uint8Array<ArrayBuffer> {
  const label = `${source.name}, ${name}`;
  const stored = source.read(start, packed, room);
  const bytes = deflated
    ? inflate(stored, label, { maxOutputLength: Math.max(1, size) }, room)
    : stored;
  if (bytes.length === size && crc32(bytes) === crc) return bytes;
  throw new RangeError(
    `Cannot read ${label}: got ${bytes.length} bytes with another checksum, ` +
      `wanted the ${size} that were packed`,
  );
}
