/**
 * Differences between two settings, paired over seeds and test images.
 *
 * For every seed s that both have and every test image i,
 *
 *     d[s, i] = right(setting) - right(baseline)        in {-1, 0, 1}
 *
 * and the difference is the mean of all. Its variance adds up that of the seeds
 * and that of the images,
 *
 *     V = var_s(mean_i d) / seeds + var_i(mean_s d) / images
 *
 * which counts the part that is neither's twice and so errs on the wide side;
 * with one seed only the images are left, and nothing is known of another seed.
 * The interval is Student's with the degrees of freedom of Welch and
 * Satterthwaite. Several data sets count alike: the mean of their differences,
 * with the sum of their variances over their number squared.
 *
 * Source: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2),
 * 2007, for the sum of both variances; Satterthwaite, An approximate
 * distribution of estimates of variance components, 1946.
 *
 * @module
 */

import { studentQuantile } from "./student_t.ts";

const LEVEL = 0.95;

/** A part of a variance and the degrees of freedom that it is known by. */
interface Component {
  readonly variance: number;
  readonly degrees: number;
}

/** A difference of accuracies, as a share, and its 95 % interval. */
export interface Difference {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** Pairs of runs; over several data sets the fewest. */
  readonly seeds: number;
  /** Test images; over several data sets their sum. */
  readonly images: number;
  /** What its variance is made of. */
  readonly components: readonly Component[];
}

/** Which test images runs get right, by seed; each `[images]` of 0 and 1. */
export type RightBySeed = ReadonlyMap<number, Uint8Array>;

/**
 * The difference on one data set.
 *
 * @returns Nothing where no seed has both, or there is one image only.
 * @throws {TypeError} If two runs were tested on different numbers of images.
 */
export function pairedDifference(
  setting: RightBySeed,
  baseline: RightBySeed,
): Difference | undefined {
  const seeds = [...setting.keys()].filter((seed) => baseline.has(seed));
  const images = setting.get(seeds[0])?.length ?? 0;
  if (seeds.length === 0 || images < 2) return undefined;
  const byImage = new Float64Array(images);
  const bySeed = seeds.map((seed) => {
    const [a, b] = [setting.get(seed)!, baseline.get(seed)!];
    if (a.length !== images || b.length !== images) {
      throw new TypeError(
        `Cannot pair runs: got ${a.length} and ${b.length} test images, ` +
          `wanted ${images} in both`,
      );
    }
    let sum = 0;
    for (let i = 0; i < images; i++) {
      const d = a[i] - b[i];
      sum += d;
      byImage[i] += d / seeds.length;
    }
    return sum / images;
  });
  const components = [componentOf(byImage)];
  if (seeds.length > 1) components.push(componentOf(bySeed));
  const mean = bySeed.reduce((a, b) => a + b, 0) / seeds.length;
  return difference(mean, components, { seeds: seeds.length, images });
}

/** The mean of the differences on several data sets. */
export function meanDifference(
  parts: readonly Difference[],
): Difference | undefined {
  if (parts.length === 0) return undefined;
  const mean = parts.reduce((sum, part) => sum + part.mean, 0) / parts.length;
  const components = parts.flatMap((part) => part.components)
    .map(({ variance, degrees }) => ({
      variance: variance / parts.length ** 2,
      degrees,
    }));
  return difference(mean, components, {
    seeds: Math.min(...parts.map(({ seeds }) => seeds)),
    images: parts.reduce((sum, { images }) => sum + images, 0),
  });
}

/** Of the mean of values. */
function componentOf(values: ArrayLike<number>): Component {
  const all = Array.from(values);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const squares = all.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const degrees = all.length - 1;
  return { variance: squares / degrees / all.length, degrees };
}

function difference(
  mean: number,
  components: readonly Component[],
  counts: { seeds: number; images: number },
): Difference {
  const variance = components.reduce((sum, part) => sum + part.variance, 0);
  const spread = components.reduce(
    (sum, part) => sum + part.variance ** 2 / part.degrees,
    0,
  );
  const half = variance > 0
    ? Math.sqrt(variance) * studentQuantile(LEVEL, variance ** 2 / spread)
    : 0;
  // Shares differ by no more than one.
  const [low, high] = [Math.max(-1, mean - half), Math.min(1, mean + half)];
  return { mean, low, high, ...counts, components };
}
