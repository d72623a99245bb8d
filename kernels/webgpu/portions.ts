/** Milliseconds between two turns of the event loop, as near as may be. */
const TURN_MS = 50;

/**
 * Hands a run over in portions, so that the event loop turns in between.
 *
 * Software adapters take one submission at a time: the next blocks the thread
 * until the one before is done, and so does waiting for it. A whole step would
 * keep timers and signals waiting for seconds. The blocking tells how long a
 * portion took, and that how many dispatches the next ones have; the device
 * computes while the event loop turns.
 */
export class Portions {
  readonly #now: () => number;
  #size = 1;

  /** @param now A clock, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Submits dispatches 0 to `count`, at first as few as can be.
   *
   * @param submit Submits those from one number to before another.
   */
  async handOver(
    count: number,
    submit: (from: number, to: number) => void,
  ): Promise<void> {
    let before = 0;
    for (let from = 0; from < count;) {
      const to = Math.min(count, from + this.#size);
      const started = this.#now();
      submit(from, to);
      if (before > 0) this.#fit(before, this.#now() - started);
      before = to - from;
      from = to;
      if (from < count) await turn();
    }
  }

  /** At most twice as many: dispatches differ by far in what they take. */
  #fit(dispatches: number, took: number): void {
    const fitting = Math.floor(dispatches * TURN_MS / Math.max(took, 1e-3));
    this.#size = Math.max(1, Math.min(2 * this.#size, fitting));
  }
}

/** Not setImmediate: while immediates wait, Deno seldom looks for signals. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
