/**
 * Says how many steps may be in flight: as many as take half a second, because
 * those that were handed over cannot be taken back, when Ctrl-C asks for it, and
 * progress is told when a device is done with all of them.
 */
export class Pace {
  readonly #most: number;
  #steps = -1;
  #busy = 0;
  #last = 0;

  /** @param most However short they are. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Steps that may be in flight; 1 until two were measured. */
  get depth(): number {
    if (this.#steps < 1) return 1;
    const fitting = Math.floor(HALF_A_SECOND * this.#steps / this.#busy);
    return Math.min(this.#most, Math.max(1, fitting));
  }

  /** Notes that a step is over, by the clock, in milliseconds. */
  finished(started: number, now: number): void {
    // The first step waits for compilers.
    if (++this.#steps > 0) this.#busy += now - Math.max(started, this.#last);
    this.#last = now;
  }
}

const HALF_A_SECOND = 500;
