/** Signals that ask a run to save and stop; Slurm sends the last two. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGUSR1"];

/**
 * Signals this close are one: Ctrl-C reaches the program from the terminal and
 * once more from `deno task`.
 */
const SAME_SIGNAL_MS = 1000;

/**
 * Works while signals abort what it is given instead of ending the program; a
 * second signal ends it at once.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let first = 0;
  const listener = () => {
    const now = performance.now();
    if (!controller.signal.aborted) first = now;
    else if (now - first > SAME_SIGNAL_MS) Deno.exit(1);
    controller.abort();
  };
  for (const name of SIGNALS) Deno.addSignalListener(name, listener);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) Deno.removeSignalListener(name, listener);
  }
}
