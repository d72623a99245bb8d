import { crc32, deflateSync } from "node:zlib";
import type { Pixels } from "./resize.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const TRUE_COLOUR = 2;
/** Each byte is stored as the difference to the pixel on its left. */
const FILTER_SUB = 1;

/**
 * Encodes an image as an 8-bit RGB PNG file; needs no permission.
 *
 * Source: PNG specification, third edition, https://www.w3.org/TR/png-3.
 *
 * @throws {TypeError} If the data is not width × height × 3 bytes.
 */
export function encodePng(
  { width, height, data }: Pixels,
): Uint8Array<ArrayBuffer> {
  if (data.length !== width * height * 3 || data.length === 0) {
    throw new TypeError(
      `Cannot encode a PNG: got ${data.length} bytes, wanted ${width} × ${height} × 3`,
    );
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, TRUE_COLOUR], 8);
  return joined([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(filtered({ width, height, data }), { level: 9 })),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function filtered(
  { width, height, data }: Pixels,
): Uint8Array<ArrayBuffer> {
  const row = width * 3;
  const out = new Uint8Array(height * (row + 1));
  for (let y = 0; y < height; y++) {
    const from = y * row, to = y * (row + 1) + 1;
    out[to - 1] = FILTER_SUB;
    for (let i = 0; i < row; i++) {
      out[to + i] = data[from + i] - (i < 3 ? 0 : data[from + i - 3]);
    }
  }
  return out;
}

/** Length, type, data, and the checksum of type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
