/**
 * The safetensors file format: 8 bytes of header length, a JSON header, then
 * the tensors' bytes end to end.
 *
 * A file is believed only after every byte of it is accounted for. Source:
 * https://github.com/huggingface/safetensors, "Format".
 *
 * @module
 */
import { type ByteSource, memorySource } from "./byte_source.ts";
import { readFile } from "./read_file.ts";
import { METADATA, readHeader } from "./safetensors_header.ts";
import {
  alignedBytes,
  elementBytes,
  type StoredTensor,
  tensorBytes,
} from "./stored_tensor.ts";
import { type TensorFile, unknownTensor } from "./tensor_file.ts";
import { writeFile, type WriteFileOptions } from "./write_file.ts";

export {
  fromFloat32,
  type StoredDtype,
  type StoredTensor,
  toFloat32,
  toInt32,
} from "./stored_tensor.ts";

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** The header's `__metadata__`. */
  metadata: Record<string, string>;
  /** Tensors by name, in the order of their bytes in the file. */
  tensors: Map<string, StoredTensor>;
}

/**
 * Parses a safetensors file.
 *
 * @param bytes The whole file. Tensors share its memory where alignment
 * allows.
 * @param name What messages call the file.
 * @throws {SyntaxError} If the header is no header: not UTF-8, not JSON, a key
 * twice, an unknown element type, a field of the wrong type.
 * @throws {RangeError} If sizes lie: a header or tensor past the end, bytes
 * that differ from shape × element, overlaps, holes, trailing bytes.
 */
export function parseSafetensors(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): SafetensorsFile {
  const header = readHeader(memorySource(bytes, name));
  const tensors = new Map<string, StoredTensor>();
  for (const { name: key, dtype, shape, begin, end } of header.entries) {
    const data = alignedBytes(bytes.subarray(begin, end));
    tensors.set(key, { dtype, shape, data });
  }
  return { metadata: header.metadata, tensors };
}

/**
 * Opens a safetensors file without reading its tensors; see
 * {@linkcode parseSafetensors} for what is checked and thrown.
 */
export function openSafetensors(source: ByteSource): TensorFile {
  const { metadata, entries } = readHeader(source);
  const places = new Map(entries.map((entry) => [entry.name, entry]));
  return {
    metadata,
    entries: places,
    read(name, room) {
      const place = places.get(name);
      if (!place) throw unknownTensor(name, source.name);
      const { dtype, shape, begin, end } = place;
      return { dtype, shape, data: source.read(begin, end - begin, room) };
    },
  };
}

/**
 * Reads a safetensors file; see {@linkcode parseSafetensors} for what is
 * checked and thrown.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  return parseSafetensors(await readFile(path), path);
}

/**
 * Encodes a safetensors file.
 *
 * Tensors are laid out by element size, largest first, then by name, as the
 * format's own writer does: every tensor is then aligned in the file, and equal
 * content gives equal bytes.
 *
 * @throws {TypeError} If a tensor's bytes differ from its shape, or a tensor is
 * called `__metadata__`.
 */
export function encodeSafetensors(
  file: SafetensorsFile,
): Uint8Array<ArrayBuffer> {
  const tensors = [...file.tensors].sort(([nameA, a], [nameB, b]) =>
    elementBytes(b.dtype) - elementBytes(a.dtype) || (nameA < nameB ? -1 : 1)
  );
  const header: [string, unknown][] = Object.keys(file.metadata).length > 0
    ? [[METADATA, sortedByKey(file.metadata)]]
    : [];
  let end = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const wanted = tensorBytes(dtype, shape);
    if (name === METADATA || data.byteLength !== wanted) {
      throw new TypeError(
        `Cannot encode tensor "${name}": got ${data.byteLength} bytes, ` +
          `wanted ${wanted} for ${dtype} [${shape}] and a name other than ${METADATA}`,
      );
    }
    const begin = end;
    end += wanted;
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  const text = new TextEncoder().encode(
    JSON.stringify(Object.fromEntries(header)),
  );
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, start);
  let at = start;
  for (const [, { data }] of tensors) {
    bytes.set(data, at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Writes a safetensors file whole or not at all; see
 * {@linkcode encodeSafetensors} and `writeFile` for what is thrown.
 */
export async function writeSafetensors(
  path: string,
  file: SafetensorsFile,
  options: WriteFileOptions = {},
): Promise<void> {
  await writeFile(path, encodeSafetensors(file), options);
}

function sortedByKey(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1),
  );
}
