/**
 * Keeps runs, writes and reads in the order in which they were asked for.
 *
 * @module
 */

/** Work that is done one at a time. */
export class Queue {
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Nothing runs or waits. */
  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** Does `work` after all earlier work, failed or not. */
  add<T>(work: () => T | Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#tail.then(work);
    const done = () => {
      this.#waiting--;
    };
    this.#tail = result.then(done, done);
    return result;
  }

  /** Does `work` now if nothing waits, else in its turn. */
  addSilent(work: () => void): void {
    if (this.idle) work();
    else this.add(work);
  }
}
