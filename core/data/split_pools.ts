/**
 * Cuts data sets into splits: at random, but the same for the same seed, and
 * with every class in proportion.
 *
 * @module
 */
import { RandomStream } from "../rng.ts";
import { type SplitName, splitNames } from "./dataset.ts";

/** Images of one split, as positions in the pool they are taken from. */
export interface Selection {
  /** Which pool. */
  pool: SplitName;
  /** Positions in the pool, ascending. */
  indices: Int32Array;
}

/**
 * How many images each split shall get: a count from 1, a fraction of its pool
 * below 1, 0 for none, or nothing for all that is left of its own pool.
 */
export type Amounts = Partial<Record<SplitName, number>>;

/**
 * Chooses the images of every split.
 *
 * A split with a pool of its own takes from it; another is cut out of the
 * training pool before training gets its part.
 *
 * @param pools Class of every image of each pool.
 * @param amounts What each split shall get.
 * @param seed Decides which images.
 * @returns The splits that have images.
 * @throws {RangeError} If an amount is negative, no number, or more than there
 * is, or if a class of the training pool is left without training images.
 */
export function splitPools(
  pools: Map<SplitName, Int32Array>,
  amounts: Amounts,
  seed: number,
): Map<SplitName, Selection> {
  const chosen = new Map<SplitName, Selection>();
  for (const pool of splitNames) {
    const labels = pools.get(pool);
    if (!labels) continue;
    // Training comes last: it gets what the others leave.
    const takers = pool === "train"
      ? [...splitNames.filter((name) => !pools.has(name)), pool]
      : [pool];
    const cut = new StratifiedPool(labels, seed, pool);
    for (const split of takers) {
      const amount = amounts[split] ?? (split === pool ? cut.left : 0);
      const indices = cut.take(countOf(split, amount, labels.length), split);
      if (indices.length > 0) chosen.set(split, { pool, indices });
      if (split === "train") checkClasses(labels, indices);
    }
  }
  return new Map(
    splitNames.flatMap((name) => {
      const selection = chosen.get(name);
      return selection ? [[name, selection]] : [];
    }),
  );
}

function countOf(split: SplitName, amount: number, total: number): number {
  if (!(amount >= 0) || (amount >= 1 && !Number.isInteger(amount))) {
    throw new RangeError(
      `Cannot cut ${split} images: got ${amount}, wanted a count or a fraction from 0 up to 1`,
    );
  }
  return amount < 1 ? Math.round(amount * total) : amount;
}

function checkClasses(labels: Int32Array, chosen: Int32Array): void {
  const trained = new Set(Array.from(chosen, (index) => labels[index]));
  const missing = labels.find((label) => !trained.has(label));
  if (chosen.length > 0 && missing !== undefined) {
    throw new RangeError(
      `Cannot cut train images: got none of class ${missing}, wanted at least one of every class`,
    );
  }
}

/** The images of one pool, each class in an order of its own. */
class StratifiedPool {
  /** Positions not taken yet, by class. */
  readonly #classes: Int32Array[];

  constructor(labels: Int32Array, seed: number, pool: SplitName) {
    const positions = new Map<number, number[]>();
    labels.forEach((label, i) => {
      const list = positions.get(label);
      if (list) list.push(i);
      else positions.set(label, [i]);
    });
    this.#classes = [...positions].sort(([a], [b]) => a - b).map(
      ([label, list]) => {
        const order = Int32Array.from(list);
        const purpose = `split ${pool}`;
        new RandomStream(seed, purpose, label).shuffle(order);
        return order;
      },
    );
  }

  get left(): number {
    return this.#classes.reduce((sum, order) => sum + order.length, 0);
  }

  /** Takes images, each class by its share of what is left, and the largest
   * remainders one more. */
  take(count: number, split: SplitName): Int32Array {
    const left = this.left;
    if (count > left) {
      throw new RangeError(
        `Cannot cut ${count} ${split} images: got a pool of ${left}, wanted at least as many`,
      );
    }
    const shares = this.#classes.map((order) =>
      left > 0 ? count * order.length / left : 0
    );
    const quotas = shares.map(Math.floor);
    const missing = count - quotas.reduce((sum, quota) => sum + quota, 0);
    shares.map((share, i) => ({ i, remainder: share - quotas[i] }))
      .sort((a, b) => b.remainder - a.remainder || a.i - b.i)
      .slice(0, missing)
      .forEach(({ i }) => quotas[i]++);
    const taken: number[] = [];
    quotas.forEach((quota, i) => {
      for (const at of this.#classes[i].subarray(0, quota)) taken.push(at);
      this.#classes[i] = this.#classes[i].subarray(quota);
    });
    return Int32Array.from(taken).sort();
  }
}
