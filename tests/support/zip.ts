/**
 * Zip archives of arrays that may lie, for tests of the reader.
 *
 * @module
 */

import { crc32, deflateRawSync } from "node:zlib";

/** A file of an archive and what its headers say instead of the truth. */
export interface ZipFile {
  readonly name: string;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  /** As declared; left out, the truth. */
  readonly size?: number;
  readonly crc?: number;
  readonly method?: number;
  /** In the directory only. */
  readonly offset?: number;
  /** Bit 0 means encrypted. */
  readonly flags?: number;
  /** Sizes and place stand in a Zip64 extra field. */
  readonly zip64?: boolean;
}

/** An array file as NumPy writes it, with any text in its header. */
export function npy(
  descr: string,
  shape: string,
  data: Uint8Array,
  { fortran = "False", version = 1 } = {},
): Uint8Array {
  const prefix = version === 1 ? 10 : 12;
  const fields = `{'descr': ${descr}, 'fortran_order': ${fortran}, ` +
    `'shape': ${shape}, }`;
  const length = Math.ceil((prefix + fields.length + 1) / 64) * 64;
  const text = fields.padEnd(length - prefix - 1) + "\n";
  const bytes = new Uint8Array(length + data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(new TextEncoder().encode(text), prefix);
  bytes.set(data, length);
  return bytes;
}

/** Writes an archive. */
export function zip(files: readonly ZipFile[]): Uint8Array<ArrayBuffer> {
  return joined([...zipPieces(files)]);
}

/** An archive piece by piece; files are asked for one at a time. */
export function* zipPieces(files: Iterable<ZipFile>): Generator<Uint8Array> {
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const file of files) {
    const packed = file.deflate
      ? Uint8Array.from(deflateRawSync(file.content))
      : file.content;
    const local = header(file, packed.length);
    directory.push(header(file, packed.length, file.offset ?? at));
    yield local;
    yield packed;
    at += local.length + packed.length;
  }
  const listed = joined(directory);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, directory.length, true);
  end.setUint16(10, directory.length, true);
  end.setUint32(12, listed.length, true);
  end.setUint32(16, at, true);
  yield listed;
  yield new Uint8Array(end.buffer);
}

/** A local header, or with an offset one of the directory. */
function header(file: ZipFile, packed: number, offset?: number): Uint8Array {
  const { name, content, flags = 0, zip64 = false } = file;
  const central = offset !== undefined;
  const method = file.method ?? (file.deflate ? 8 : 0);
  const size = file.size ?? content.length;
  const encoded = new TextEncoder().encode(name);
  const extra = zip64 ? zip64Field(size, packed, offset) : new Uint8Array(0);
  const bytes = new Uint8Array(central ? 46 : 30);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, central ? 0x02014b50 : 0x04034b50, true);
  if (central) view.setUint16(4, 45, true);
  const common = central ? 6 : 4;
  view.setUint16(common, 45, true);
  view.setUint16(common + 2, flags, true);
  view.setUint16(common + 4, method, true);
  view.setUint16(common + 8, 0x21, true); // 1980-01-01
  view.setUint32(common + 10, file.crc ?? crc32(content), true);
  view.setUint32(common + 14, zip64 ? 0xffffffff : packed, true);
  view.setUint32(common + 18, zip64 ? 0xffffffff : size, true);
  view.setUint16(common + 22, encoded.length, true);
  view.setUint16(common + 24, extra.length, true);
  if (central) view.setUint32(42, zip64 ? 0xffffffff : offset, true);
  return joined([bytes, encoded, extra]);
}

function zip64Field(
  size: number,
  packed: number,
  offset?: number,
): Uint8Array {
  const numbers = offset === undefined
    ? [size, packed]
    : [size, packed, offset];
  const view = new DataView(new ArrayBuffer(4 + 8 * numbers.length));
  view.setUint16(0, 1, true);
  view.setUint16(2, 8 * numbers.length, true);
  numbers.forEach((n, i) => view.setBigUint64(4 + 8 * i, BigInt(n), true));
  return new Uint8Array(view.buffer);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
