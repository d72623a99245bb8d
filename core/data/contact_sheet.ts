import type { Split } from "./dataset.ts";
import type { Pixels } from "./resize.ts";

/** How a contact sheet looks. */
export interface ContactSheetOptions {
  /** Number of images; default 100, or all where there are fewer. */
  count?: number;
  /** Images in a row; default 10. */
  columns?: number;
  /** Whole factor by which images are enlarged; default 1. */
  scale?: number;
}

/** Pixels between images. */
const GAP = 2;
const GAP_GREY = 255;

/**
 * Lays images of a split out in rows.
 *
 * The images are taken at even distances, so that a split sorted by class shows
 * all of its classes; `encodePng` makes a file of the sheet.
 *
 * @param imageSize Side of the split's images in pixels.
 * @throws {RangeError} If a number is not whole and at least 1.
 */
export function contactSheet(
  split: Split,
  imageSize: number,
  options: ContactSheetOptions = {},
): Pixels {
  const { scale = 1 } = options;
  const count = Math.min(options.count ?? 100, split.count);
  const columns = Math.min(options.columns ?? 10, count);
  for (const number of [count, columns, scale]) {
    if (Number.isInteger(number) && number >= 1) continue;
    throw new RangeError(
      `Cannot make a contact sheet: got ${number}, wanted a count, columns and scale from 1`,
    );
  }
  const pitch = imageSize * scale + GAP;
  const width = columns * pitch + GAP;
  const height = Math.ceil(count / columns) * pitch + GAP;
  const sheet = { width, height, data: new Uint8Array(width * height * 3) };
  sheet.data.fill(GAP_GREY);
  for (let i = 0; i < count; i++) {
    const index = Math.floor(i * split.count / count);
    const pixels = imageSize * imageSize * 3;
    const image = split.images.subarray(index * pixels, (index + 1) * pixels);
    paste({ width: imageSize, height: imageSize, data: image }, sheet, {
      left: GAP + (i % columns) * pitch,
      top: GAP + Math.floor(i / columns) * pitch,
      scale,
    });
  }
  return sheet;
}

function paste(
  image: Pixels,
  sheet: Pixels,
  at: { left: number; top: number; scale: number },
): void {
  const { left, top, scale } = at;
  for (let y = 0; y < image.height * scale; y++) {
    for (let x = 0; x < image.width * scale; x++) {
      const row = Math.floor(y / scale) * image.width;
      const from = (row + Math.floor(x / scale)) * 3;
      const to = ((top + y) * sheet.width + left + x) * 3;
      for (let c = 0; c < 3; c++) sheet.data[to + c] = image.data[from + c];
    }
  }
}
