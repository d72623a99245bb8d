/**
 * Keeps the order of what is handed to a device's queue.
 *
 * Work is handed over at once when nothing holds it up; when something must
 * wait (for a free staging buffer), everything behind it waits too.
 */
export class Timeline {
  #waiting = 0;
  #tail: Promise<unknown> = Promise.resolve();

  /** Whether work added now would have to wait. */
  get blocked(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Runs `action` after everything added before and after `ready`.
   *
   * @param ready Undefined if the action need not wait for itself.
   */
  add<T>(
    ready: Promise<unknown> | undefined,
    action: () => T | Promise<T>,
  ): Promise<T> {
    if (!this.blocked && ready === undefined) {
      return new Promise((resolve) => resolve(action()));
    }
    this.#waiting++;
    const start = this.#tail.then(() => ready);
    const done = start.then(() => {
      this.#waiting--;
      return { result: action() };
    });
    this.#tail = done.catch(() => {});
    return done.then(({ result }) => result);
  }
}
