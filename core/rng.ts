/**
 * Random numbers that depend on what they are for, not on what was drawn
 * before.
 *
 * A number is a hash of (seed, purpose, counters…). A run that stops and
 * resumes, or that draws in another order, therefore meets the same numbers,
 * and there is no generator state to save. Not for cryptography.
 *
 * @module
 */

/** Words that were hashed already; purposes are few and fixed. */
const purposeHashes = new Map<string, number>();

/**
 * Draws 32 random bits.
 *
 * Each word of the key is absorbed by a multiply-xor step and a full avalanche
 * (the finaliser of MurmurHash3, by Austin Appleby, public domain).
 *
 * @param seed Whole number; all of its 53 bits count.
 * @param purpose What the bits are for, such as `"shuffle"`; different purposes
 * give independent numbers.
 * @param counters Whole numbers such as epoch and sample; all 53 bits count,
 * and `(1)` differs from `(1, 0)`.
 * @returns A whole number from 0 to 2³² − 1.
 */
export function randomBits(
  seed: number,
  purpose: string,
  ...counters: number[]
): number {
  const [low, high] = keyOf(seed, purpose, counters);
  return bitsAt(low, high, 0);
}

/**
 * A sequence of random numbers of one key.
 *
 * The n-th number is a hash of the key and n: streams of different keys are
 * independent, and a stream can be made anew at any time.
 */
export class RandomStream {
  readonly #low: number;
  readonly #high: number;
  #drawn = 0;

  /**
   * Opens a stream; see {@linkcode randomBits} for the parameters.
   */
  constructor(seed: number, purpose: string, ...counters: number[]) {
    [this.#low, this.#high] = keyOf(seed, purpose, counters);
  }

  /** Draws 32 bits: a whole number from 0 to 2³² − 1. */
  bits(): number {
    return bitsAt(this.#low, this.#high, this.#drawn++);
  }

  /** Draws a number from 0 up to but not including 1, in steps of 2⁻³². */
  next(): number {
    return this.bits() / 0x1_0000_0000;
  }

  /**
   * Draws a whole number from 0 to n − 1, each equally likely.
   *
   * @param n From 1 to 2³².
   * @throws {RangeError} If n is not.
   */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0x1_0000_0000) {
      throw new RangeError(
        `Cannot draw a number below n: got ${n}, wanted 1 to 4294967296`,
      );
    }
    // Bits past the last whole multiple of n would favour small results.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % n);
    let bits = this.bits();
    while (bits >= limit) bits = this.bits();
    return bits % n;
  }

  /** Draws from the normal distribution of mean 0 and deviation 1. */
  normal(): number {
    // Box–Muller; 1 − u keeps the logarithm finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** Shuffles in place (Fisher–Yates). */
  shuffle(values: Int32Array): void {
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const value = values[last];
      values[last] = values[other];
      values[other] = value;
    }
  }
}

type Key = [low: number, high: number];

/** 64 bits of key, so that two keys in use hardly ever share a stream. */
function keyOf(seed: number, purpose: string, counters: number[]): Key {
  const key: Key = [0x6a09e667, 0x3c6ef372];
  absorb(key, seed);
  absorb(key, purposeHash(purpose));
  for (const counter of counters) absorb(key, counter);
  absorb(key, counters.length);
  return key;
}

function bitsAt(low: number, high: number, n: number): number {
  return avalanche(avalanche(low ^ Math.imul(n + 1, 0x9e3779b1)) ^ high);
}

function absorb(key: Key, word: number): void {
  if (!Number.isSafeInteger(word)) {
    throw new RangeError(
      `Cannot key a random number: got ${word}, wanted a whole number of at most 53 bits`,
    );
  }
  absorb32(key, word | 0);
  absorb32(key, Math.floor(word / 0x1_0000_0000) | 0);
}

function absorb32(key: Key, word: number): void {
  key[0] = avalanche(key[0] ^ Math.imul(word, 0xcc9e2d51));
  key[1] = avalanche((Math.imul(key[1], 5) + 0xe6546b64) ^ key[0] ^ word);
}

function purposeHash(purpose: string): number {
  let hash = purposeHashes.get(purpose);
  if (hash === undefined) {
    hash = purpose.length;
    for (let i = 0; i < purpose.length; i++) {
      hash = avalanche(Math.imul(hash, 0x1b873593) ^ purpose.charCodeAt(i));
    }
    purposeHashes.set(purpose, hash);
  }
  return hash;
}

function avalanche(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
