import { modelTensors } from "../../core/models/architectures.ts";
import { findBackbone } from "../../core/models/zoo.ts";

/**
 * Writes a backbone of the zoo under timm's names, in float32 with small
 * numbers, without ever holding it whole.
 *
 * @returns Bytes of the file.
 */
export function writeLargeCheckpoint(name: string, path: string): number {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [tensor, { shape }] of modelTensors(findBackbone(name))) {
    const begin = end;
    end += 4 * shape.reduce((product, size) => product * size, 1);
    header[tensor] = { dtype: "F32", shape, ["data_offsets"]: [begin, end] };
  }
  const json = JSON.stringify(header);
  const text = json.padEnd(Math.ceil(json.length / 8) * 8);
  const length = new BigUint64Array([BigInt(text.length)]);
  using file = Deno.openSync(path, { write: true, createNew: true });
  writeAll(file, new Uint8Array(length.buffer));
  writeAll(file, new TextEncoder().encode(text));
  const chunk = Float32Array.from({ length: 1 << 20 }, (_, i) => {
    return ((i * 7919) % 1001 - 500) / 1e4;
  });
  const bytes = new Uint8Array(chunk.buffer);
  for (let left = end; left > 0; left -= bytes.length) {
    writeAll(file, bytes.subarray(0, Math.min(left, bytes.length)));
  }
  return 8 + text.length + end;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) done += file.writeSync(bytes.subarray(done));
}
