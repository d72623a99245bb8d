/** Square grey images of the MNIST family. */

import { resize } from "../../core/data/resize.ts";
import { SIZE } from "./paint.ts";

/** Resizes a grey image, `[side, side]`, to `[SIZE, SIZE]` (bicubic, as PIL). */
export function enlargeGrey(grey: Uint8Array, side: number): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = grey[Math.floor(i / 3)];
  const source = { width: side, height: side, data: rgb };
  const { data } = resize(source, { width: SIZE, height: SIZE }, "bicubic");
  return data.filter((_, i) => i % 3 === 0);
}
