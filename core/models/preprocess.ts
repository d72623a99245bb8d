import type { Filter } from "../data/resize.ts";

/** What images must go through before they enter a backbone. */
export interface Preprocess {
  /** Per channel, of pixels in [0, 1]. */
  readonly mean: readonly number[];
  /** Per channel, above 0. */
  readonly std: readonly number[];
  /** How the images that it learned from were resized; left out, unknown. */
  readonly interpolation?: Filter;
  /** Share of the resized image's side that was cut out of its centre, 0 to 1. */
  readonly cropPct?: number;
}

/** Google's ViTs map pixels to [-1, 1], and so do ours. */
export const HALF: Preprocess = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** Mean and standard deviation of ImageNet's pixels. */
export const IMAGENET: Preprocess = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** Mean and standard deviation that CLIP models expect. */
export const CLIP: Preprocess = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
