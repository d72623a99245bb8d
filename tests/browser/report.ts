/** What the page tells the command that opened it. */
export interface Line {
  readonly passed: boolean;
  /** The kernel or the golden case. */
  readonly name: string;
  readonly detail: string;
}

/** Takes a line, as soon as it is known. */
export type Report = (line: Line) => void | Promise<void>;

/** The worst error of each kind of number, as `logits 1.2e-7`. */
export function worstErrors(
  checks: Iterable<{ readonly kind: string; readonly error: number }>,
): string {
  const worst = new Map<string, number>();
  for (const { kind, error } of checks) {
    worst.set(kind, Math.max(worst.get(kind) ?? 0, error));
  }
  return [...worst].map(([kind, error]) => `${kind} ${error.toExponential(1)}`)
    .join(", ");
}
