/**
 * Sizes that the shapes of stored tensors tell. Every tensor that has the size
 * on an axis is asked, and most of them are right: what is wrong with one
 * tensor is then told of that one.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import type { Checkpoint, Description } from "./checkpoint.ts";

/**
 * A tensor of the model that tells a size: its shape, with NaN on the axis of
 * the size, and what the size is multiplied by there.
 */
export type Witness = readonly [tensor: string, shape: Shape, times?: number];

/**
 * The size that most of the tensors tell; NaN if none of them is there with as
 * many dimensions as it should have.
 *
 * @param recipe How the tensors are stored.
 */
export function toldSize(
  { file }: Checkpoint,
  recipe: Description["recipe"],
  witnesses: Iterable<Witness>,
): number {
  const votes = new Map<number, number>();
  for (const [tensor, wanted, times = 1] of witnesses) {
    for (const { name, shape } of recipe(tensor, wanted).parts) {
      const found = file.entries.get(name)?.shape;
      const axis = shape.findIndex(Number.isNaN);
      if (axis < 0 || found?.length !== shape.length) continue;
      const size = found[axis] / times;
      votes.set(size, (votes.get(size) ?? 0) + 1);
    }
  }
  let [told, most] = [NaN, 0];
  for (const [size, count] of votes) {
    if (count > most) [told, most] = [size, count];
  }
  return told;
}

/** Of the head in the file; 1 where there is none. */
export function toldClasses(
  checkpoint: Checkpoint,
  recipe: Description["recipe"],
  head: string,
): number {
  const told = toldSize(checkpoint, recipe, [
    [`${head}.weight`, [NaN, 0]],
    [`${head}.bias`, [NaN]],
  ]);
  return told || 1;
}

/**
 * Number of blocks whose tensors' names begin with a prefix and an index; one
 * that is missing between others counts.
 */
export function countBlocks({ file }: Checkpoint, prefix: string): number {
  let count = 0;
  for (const name of file.entries.keys()) {
    if (!name.startsWith(prefix)) continue;
    const index = /^\d+/.exec(name.slice(prefix.length))?.[0];
    // A block has more than one tensor.
    if (index === undefined || Number(index) >= file.entries.size) continue;
    count = Math.max(count, Number(index) + 1);
  }
  return count;
}

/** More than any hierarchical model has. */
const MOST_STAGES = 8;

/**
 * Blocks of every stage of a hierarchical model; at least one of each.
 *
 * @param first What the names of a stage's first block begin with, with a dot at
 * the end.
 */
export function countStages(
  checkpoint: Checkpoint,
  first: (stage: number) => string,
): number[] {
  const counts = Array.from(
    { length: MOST_STAGES },
    (_, stage) => countBlocks(checkpoint, first(stage).replace(/0\.$/, "")),
  );
  const last = counts.findLastIndex((count) => count > 0);
  return counts.slice(0, Math.max(last, 0) + 1)
    .map((count) => Math.max(count, 1));
}

/** Whether any tensor's name fits. */
export function hasName({ file }: Checkpoint, pattern: RegExp): boolean {
  return file.entries.keys().some((name) => pattern.test(name));
}

/** What a pattern's group is in the first name that fits. */
export function firstMatch(
  { file }: Checkpoint,
  pattern: RegExp,
): string | undefined {
  for (const name of file.entries.keys()) {
    const found = pattern.exec(name)?.[1];
    if (found !== undefined) return found;
  }
}
