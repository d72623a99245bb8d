import type { Shape } from "../../graph/graph.ts";
import { isHead } from "../../methods/method.ts";
import { modelShape } from "../architectures.ts";
import type { Checkpoint, Description, Recipe } from "./checkpoint.ts";

/** What a checkpoint has for a model. */
export interface Matched {
  /** How each tensor is made, by its name in the model; a head may be absent. */
  readonly recipes: ReadonlyMap<string, Recipe>;
  /** What was changed or left out, and why, a line each. */
  readonly notes: readonly string[];
}

/**
 * Holds every stored tensor against what the model needs.
 *
 * @throws {TypeError} If any is missing, extra or misshaped; all are listed.
 */
export function matchTensors(
  { file, path }: Checkpoint,
  { config, recipe, dropped, notes = [] }: Description,
): Matched {
  const shape = modelShape(config);
  const stored = file.entries;
  const recipes = new Map<string, Recipe>();
  const faults: string[] = [];
  const used = new Set<string>();
  for (const [name, size] of shape.tensors) {
    const made = recipe(name, size);
    // A new task gets a new head, so a backbone without one is complete.
    if (
      isHead(shape, name) && made.parts.every((part) => !stored.has(part.name))
    ) continue;
    recipes.set(name, made);
    for (const part of made.parts) {
      used.add(part.name);
      const found = stored.get(part.name)?.shape;
      if (!found) faults.push(`missing ${part.name}`);
      else if (show(found) !== show(part.shape)) {
        faults.push(
          `${part.name} ${show(found)} instead of ${show(part.shape)}`,
        );
      }
    }
  }
  const reasons = new Map<string, string[]>();
  for (const name of stored.keys()) {
    if (used.has(name)) continue;
    const reason = dropped?.(name);
    if (reason === undefined) faults.push(`extra ${name}`);
    else reasons.set(reason, [...reasons.get(reason) ?? [], name]);
  }
  if (faults.length > 0) {
    throw new TypeError(
      `Cannot read the backbone ${path}: got ${faults.length} wrong tensors ` +
        `(${faults.join("; ")}), wanted those of ${describe(config)}`,
    );
  }
  const left = [...reasons].map(([reason, names]) =>
    `left out ${listed(names)}: ${reason}`
  );
  return { recipes, notes: [...notes, ...left] };
}

function show(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

function describe(config: Description["config"]): string {
  const sizes = Object.entries(config)
    .filter(([name]) => name === "width" || name === "depth")
    .map(([name, size]) => `${name} ${size}`);
  const kind = config.architecture === "vit"
    ? "a vision transformer"
    : `a ${config.architecture}`;
  return sizes.length ? `${kind} of ${sizes.join(" and ")}` : kind;
}

function listed(names: readonly string[]): string {
  return names.length > 4
    ? `${names[0]} to ${names.at(-1)} (${names.length} tensors)`
    : names.join(", ");
}
