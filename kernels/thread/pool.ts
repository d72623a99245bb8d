import { Calls } from "./calls.ts";
import { Thread } from "./thread.ts";

/** Threads that run the same; those that have no engine wait for the next. */
export class ThreadPool {
  readonly #module: URL;
  readonly #idle: Thread[] = [];

  /** @param module What they run. */
  constructor(module: URL) {
    this.#module = module;
  }

  /**
   * Asks a thread for one thing. An idle one may have ended, asleep, before
   * anybody here knew of it; it is replaced.
   *
   * @param ask Is given what releases the thread; if it fails, that is done.
   * @returns Undefined if no thread can be started.
   */
  async use<T>(
    ask: (calls: Calls, release: () => void) => Promise<T>,
  ): Promise<T | undefined> {
    for (;;) {
      const thread = this.#take();
      const { answered: usedBefore } = thread;
      const release = () => void this.#idle.push(thread);
      try {
        return await ask(new Calls(thread), release);
      } catch (error) {
        if (!thread.ended) {
          release();
          throw error;
        }
        if (!usedBefore) return undefined;
      }
    }
  }

  #take(): Thread {
    for (let thread; (thread = this.#idle.pop()) !== undefined;) {
      if (!thread.ended) return thread;
    }
    return new Thread(this.#module);
  }
}
