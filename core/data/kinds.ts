import { hinted } from "../errors.ts";
import type { PrepareKind } from "./kind.ts";
import { folder } from "./prepare_folder.ts";
import { idx } from "./prepare_idx.ts";
import { shapes } from "./prepare_shapes.ts";

/** Every kind of source that `data prepare` reads. */
export const kinds: readonly PrepareKind[] = [folder, idx, shapes];

/**
 * Finds a kind by its name.
 *
 * @throws {RangeError} If there is none, with a hint that lists them.
 */
export function kindNamed(name: string): PrepareKind {
  const kind = kinds.find((kind) => kind.name === name);
  if (kind) return kind;
  const names = kinds.map((kind) => kind.name).join(", ");
  throw hinted(
    new RangeError(
      `Cannot prepare images: got kind "${name}", wanted ${names}`,
    ),
    "folder is for one folder of images a class",
  );
}
