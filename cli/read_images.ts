import type { Split } from "../core/data/dataset.ts";
import { decodeImage } from "../core/data/decode_image.ts";
import { fits } from "../core/data/fit.ts";
import { filters } from "../core/data/resize.ts";
import { readFile } from "../core/weights/read_file.ts";

/**
 * Reads image files for a model; they have no labels.
 *
 * @param size Side of the model's images, in pixels.
 * @param resize How an image becomes square; left out, as usual.
 * @throws {ImageError} If an image does not decode; it names the file.
 */
export async function readImages(
  files: readonly string[],
  size: number,
  resize: { fit?: string; filter?: string; cropPct?: number },
): Promise<Split> {
  const images = new Uint8Array(files.length * size ** 2 * 3);
  const fit = fits.find((name) => name === resize.fit);
  const filter = filters.find((name) => name === resize.filter);
  const { cropPct } = resize;
  for (const [i, file] of files.entries()) {
    const bytes = await readFile(file);
    const pixels = await decodeImage(bytes, file, {
      size,
      fit,
      filter,
      cropPct,
    });
    images.set(pixels, i * pixels.length);
  }
  const labels = new Int32Array(files.length);
  return { images, labels, count: files.length };
}
