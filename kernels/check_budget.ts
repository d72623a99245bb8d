/**
 * How much of the opening of a device goes into trying its kernels.
 *
 * @module
 */

/**
 * Milliseconds for one kernel of each family. On two cores llvmpipe takes 95 to
 * 110 up to the last family with a full shader cache, and 1,300 to 3,800 with an
 * empty one; before, it takes 45 to 90 to open the device, and 15 after to read
 * the last results: together they are to stay below 200.
 */
const BUDGET_MS = 115;

/**
 * Families of kernels in the order in which a new device is tried with the first
 * of each, and what each takes beside the others. From one to the next, the first
 * four grow as they do where they are compiled, by the larger of the medians on
 * Mesa 22.3 and 25.0; the others, for which there is time only where they need
 * not be compiled, by the smaller.
 */
export const familyCosts: ReadonlyMap<string, number> = new Map([
  ["token", 1],
  ["elementwise", 1.2],
  ["feature map", 2],
  ["layer norm", 3.6],
  ["window", 6],
  ["loss and update", 7.2],
  ["attention", 11],
  ["matrix product", 21],
  // On software its products are those before.
  ["expert", 1.3],
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
