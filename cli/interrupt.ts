/** Signals that ask a run to save and stop; Slurm sends the last two. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGUSR1"];

/**
 * Works while signals abort what it is given instead of ending the program; a
 * second signal ends it at once.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const listener = () => {
    if (controller.signal.aborted) Deno.exit(1);
    controller.abort();
  };
  for (const name of SIGNALS) Deno.addSignalListener(name, listener);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) Deno.removeSignalListener(name, listener);
  }
}
