/// <reference path="./globals.d.ts" />
/** How threads wait for each other, and share the work of a phase. */

/** Where the next unit of the phase is, on a cache line of its own. */
const NEXT: usize = 1088;

/**
 * The next unit of work of the phase, from 0: a thread that is held up takes
 * fewer. A result must not depend on who makes it.
 */
// @inline
export function take(): i32 {
  return atomic.add<i32>(NEXT, 1);
}

/**
 * Waits until all threads have come here.
 *
 * `control` holds three words: threads that have arrived, generation, failed.
 * The last one to arrive opens the next generation; the others watch it for
 * `spins` loads before they sleep.
 *
 * @returns The failed word: 0, or 1 + the number of the phase that failed.
 */
export function barrier(control: usize, threads: i32, spins: i32): i32 {
  const generation = atomic.load<i32>(control, 4);
  if (atomic.add<i32>(control, 1) == threads - 1) {
    atomic.store<i32>(control, 0);
    atomic.store<i32>(NEXT, 0);
    atomic.add<i32>(control, 1, 4);
    atomic.notify(control + 4, -1);
    return atomic.load<i32>(control, 8);
  }
  for (let i: i32 = 0; i < spins; i++) {
    if (atomic.load<i32>(control, 4) != generation) {
      return atomic.load<i32>(control, 8);
    }
  }
  while (atomic.load<i32>(control, 4) == generation) {
    atomic.wait<i32>(control + 4, generation, -1);
  }
  return atomic.load<i32>(control, 8);
}
