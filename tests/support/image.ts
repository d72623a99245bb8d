import { withSharp } from "../../core/data/sharp.ts";

/** A PNG file of one colour. */
export async function plainImage(
  [r, g, b]: readonly [number, number, number],
  width: number,
  height: number,
): Promise<Uint8Array> {
  const create = {
    width,
    height,
    channels: 3 as const,
    background: { r, g, b },
  };
  return await withSharp((sharp) => sharp({ create }).png().toBuffer());
}
