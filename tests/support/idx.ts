/** An idx file of bytes. */
export function idxFile(
  shape: number[],
  data: ArrayLike<number>,
  type = 8,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  bytes.set([0, 0, type, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((side, i) => view.setUint32(4 + 4 * i, side));
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

/** Packs bytes as gzip. */
export async function gzip(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
