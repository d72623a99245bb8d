import type { OptionSpec } from "./kind.ts";

/** How strongly images are changed; 0 switches a change off. */
export interface AugmentOptions {
  /** Probability of a horizontal flip, 0 to 1. */
  hflip: number;
  /** Smallest share of the area that a random crop keeps, 0 to 1. */
  cropScale: number;
  /** Largest aspect ratio of a random crop, from 1 (4/3 is usual). */
  cropRatio: number;
  /** Largest shift in pixels, whole, along both axes. */
  shift: number;
  /** Largest rotation in degrees, both ways, to 180. */
  rotate: number;
  /** Brightness is multiplied by 1 ± this. */
  brightness: number;
  /** Contrast is multiplied by 1 ± this. */
  contrast: number;
  /** Saturation is multiplied by 1 ± this. */
  saturation: number;
  /** Probability of inverted colours, 0 to 1. */
  invert: number;
  /** Probability of grey instead of colours, 0 to 1. */
  greyscale: number;
}

/** No change at all. */
export const noAugment: Readonly<AugmentOptions> = {
  hflip: 0,
  cropScale: 0,
  cropRatio: 0,
  shift: 0,
  rotate: 0,
  brightness: 0,
  contrast: 0,
  saturation: 0,
  invert: 0,
  greyscale: 0,
};

/** The options as data, from which flags are made. */
export const augmentSpecs: readonly (OptionSpec & {
  name: keyof AugmentOptions;
  max: number;
})[] = [
  spec("hflip", 1, "probability of a horizontal flip"),
  spec("cropScale", 1, "smallest share of the area that a random crop keeps"),
  spec("cropRatio", 10, "largest aspect ratio of a random crop; 1.33 is usual"),
  spec("shift", 1024, "largest shift in pixels"),
  spec("rotate", 180, "largest rotation in degrees"),
  spec("brightness", 1, "brightness is multiplied by 1 ± this"),
  spec("contrast", 1, "contrast is multiplied by 1 ± this"),
  spec("saturation", 1, "saturation is multiplied by 1 ± this"),
  spec("invert", 1, "probability of inverted colours"),
  spec("greyscale", 1, "probability of grey instead of colours"),
];

function spec<N extends keyof AugmentOptions>(
  name: N,
  max: number,
  help: string,
): OptionSpec & { name: N; max: number } {
  return { name, type: "number", min: 0, max, default: 0, help };
}

/**
 * Checks augmentation options.
 *
 * @throws {RangeError} If a value is outside its range, a shift not whole, or a
 * ratio between 0 and 1.
 */
export function checkAugment(options: AugmentOptions): void {
  for (const { name, max } of augmentSpecs) {
    const value = options[name];
    const whole = name !== "shift" || Number.isInteger(value);
    const least = name === "cropRatio" && value !== 0 ? 1 : 0;
    if (whole && value >= least && value <= max) continue;
    throw new RangeError(
      `Cannot augment images: got ${name} ${value}, wanted ${
        name === "shift" ? "a whole number" : "a number"
      } from ${least} to ${max}` + (least ? ", or 0" : ""),
    );
  }
}
