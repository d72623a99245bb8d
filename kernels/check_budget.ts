/**
 * How much of the opening of a device goes into trying its kernels.
 *
 * @module
 */

/**
 * Milliseconds for one kernel of each family. On two cores llvmpipe takes 85 to
 * 115 up to the last family with a full shader cache, and 850 to 2,250 with an
 * empty one; reading the last results takes 15 more, and together they are to
 * stay below 200.
 */
const BUDGET_MS = 130;

/**
 * Families of kernels in the order in which a new device is tried with the first
 * of each, and what each takes beside the others where it is compiled: from one
 * to the next they grow as the larger of the medians on Mesa 22.3 and 25.0 does
 * among the first five, and as the smaller among the others, for which there is
 * time only where they need not be compiled.
 */
export const familyCosts: ReadonlyMap<string, number> = new Map([
  ["token", 1],
  ["elementwise", 1],
  ["feature map", 2.2],
  ["loss and update", 3.5],
  ["layer norm", 7],
  ["window", 9.5],
  // On software adapters it is the first to compile a product by vectors.
  ["attention", 20],
  ["matrix product", 14],
  ["expert", 2.7],
]);

/** Options of {@linkcode CheckBudget}. */
export interface CheckBudgetOptions {
  /** From now on. */
  readonly milliseconds?: number;
  /** A clock, in milliseconds. */
  readonly now?: () => number;
}

/** Time for trying things, some dearer than others. */
export class CheckBudget {
  readonly #now: () => number;
  readonly #end: number;
  #last: { readonly at: number; readonly cost: number };

  /** Starts the clock. */
  constructor(
    { milliseconds = BUDGET_MS, now = () => performance.now() }:
      CheckBudgetOptions = {},
  ) {
    this.#now = now;
    this.#last = { at: now(), cost: Infinity };
    this.#end = this.#last.at + milliseconds;
  }

  /**
   * Whether the next one is likely to end in time, by what the one before it
   * took: nothing can stop a driver that compiles. To be asked before each.
   */
  allows(cost: number): boolean {
    const at = this.#now();
    const rate = (at - this.#last.at) / this.#last.cost;
    this.#last = { at, cost };
    return at + rate * cost < this.#end;
  }
}
