/**
 * The candidate that takes the fewest edits to reach, for "did you mean".
 *
 * @param word What was typed.
 * @param candidates At least one.
 */
export function nearest(word: string, candidates: readonly string[]): string {
  return candidates.toSorted((a, b) => edits(word, a) - edits(word, b))[0];
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = before[j - 1] + Number(a[i - 1] !== b[j - 1]);
      row.push(Math.min(before[j] + 1, row[j - 1] + 1, swap));
    }
    before = row;
  }
  return before[b.length];
}
