/** Deno and Node have it; a browser's mapAsync needs no delay. */
const later: (work: () => void) => void =
  (globalThis as { setImmediate?: (work: () => void) => void }).setImmediate ??
    queueMicrotask;

/**
 * Maps staging buffers once the caller has nothing to do but wait for them.
 *
 * Deno's `mapAsync` blocks the thread until everything that was submitted is
 * done. If each run mapped its buffer at once, runs could not be queued, and
 * the device would have nothing to do while the host prepares the next one. So
 * buffers are mapped when the event loop turns, all of them, because one wait
 * is one for all.
 */
export class Readback {
  #waiting: { buffer: GPUBuffer; settle: (mapped: Promise<void>) => void }[] =
    [];

  /** Maps a buffer for reading. */
  map(buffer: GPUBuffer): Promise<void> {
    return new Promise((settle) => {
      if (this.#waiting.push({ buffer, settle }) === 1) {
        later(() => this.#mapAll());
      }
    });
  }

  /** Waits until what was to be mapped so far has been asked for. */
  asked(): Promise<void> {
    return new Promise((resolve) => later(resolve));
  }

  #mapAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const maps = waiting.map(async ({ buffer }) => {
      await buffer.mapAsync(GPUMapMode.READ);
    });
    // All at once, or the first that is read would start a run that the rest
    // has to wait for.
    Promise.allSettled(maps).then(() =>
      waiting.forEach(({ settle }, i) => settle(maps[i]))
    );
  }
}
