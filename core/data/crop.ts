/**
 * The share of an image that a centre crop leaves.
 *
 * @module
 */

/** Keeps 224 / (224 / 232) from being rounded down to 231. */
const ROUNDING = 1e-6;

/**
 * Side to which an image is resized before its centre is cut out, rounded down
 * as timm does.
 *
 * @param size Side of the crop in pixels.
 * @param cropPct Its share of the resized side, in (0, 1]; left out, 1.
 * @throws {RangeError} If the share is none.
 */
export function sideBeforeCrop(size: number, cropPct = 1): number {
  if (cropPct > 0 && cropPct <= 1) return Math.floor(size / cropPct + ROUNDING);
  throw new RangeError(
    `Cannot crop an image: got a share of ${cropPct}, wanted one above 0 and ` +
      "at most 1",
  );
}

/** Whether two shares cut the same pixels out. */
export function sameCrop(size: number, one?: number, other?: number): boolean {
  return sideBeforeCrop(size, one) === sideBeforeCrop(size, other);
}

/** The shortest number that cuts the same pixels out. */
export function shortCropPct(size: number, cropPct: number): number {
  for (let digits = 0; digits < 6; digits++) {
    const short = Number(cropPct.toFixed(digits));
    const fits = short > 0 && short <= 1;
    if (fits && sameCrop(size, short, cropPct)) return short;
  }
  return cropPct;
}
