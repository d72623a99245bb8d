import { hinted } from "../../errors.ts";
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
 * @throws {RangeError} If the checkpoint cannot be used for another reason.
 */
export function matchTensors(
  checkpoint: Checkpoint,
  description: Description,
): Matched {
  const { dropped, notes = [], problem } = description;
  const stored = checkpoint.file.entries;
  const recipes = neededRecipes(checkpoint, description);
  const faults: string[] = [];
  const unchecked: string[] = [];
  const used = new Set<string>();
  for (const { parts } of recipes.values()) {
    for (const { name, shape } of parts) {
      if (used.has(name)) continue;
      used.add(name);
      const found = stored.get(name)?.shape;
      if (!found) faults.push(`missing ${name}`);
      else if (!fits(found, shape)) {
        faults.push(`${name} ${show(found)} instead of ${show(shape)}`);
      } else if (shape.some(Number.isNaN)) unchecked.push(name);
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
    throw wrongTensors(checkpoint, description, {
      faults,
      unchecked,
    });
  }
  if (problem) throw problem;
  const left = [...reasons].map(([reason, names]) =>
    `left out ${listed(names)}: ${reason}`
  );
  return { recipes, notes: [...notes, ...left] };
}

/** How every tensor is made that the checkpoint must have. */
function neededRecipes(
  { file }: Checkpoint,
  { config, recipe }: Description,
): Map<string, Recipe> {
  const shape = modelShape(config);
  const recipes = new Map<string, Recipe>();
  const head = new Map<string, Recipe>();
  for (const [name, size] of shape.tensors) {
    (isHead(shape, name) ? head : recipes).set(name, recipe(name, size));
  }
  // A new task gets a new head, so a backbone without one is complete.
  const has = head.values().some(({ parts }) =>
    parts.some(({ name }) => file.entries.has(name))
  );
  return has ? new Map([...recipes, ...head]) : recipes;
}

function wrongTensors(
  { path }: Checkpoint,
  { config, hint }: Description,
  { faults, unchecked }: { faults: string[]; unchecked: string[] },
): TypeError {
  const tensors = faults.length > 1 ? "wrong tensors" : "wrong tensor";
  const rest = unchecked.length > 0
    ? `; could not check the shapes of ${unchecked.join(", ")}, since what ` +
      "tells their sizes is missing"
    : "";
  const error = new TypeError(
    `Cannot read the backbone ${path}: got ${faults.length} ${tensors} ` +
      `(${faults.join("; ")}), wanted those of ${describe(config)}${rest}`,
  );
  return hint ? hinted(error, hint) : error;
}

/** A size that is not known fits any. */
function fits(found: Shape, wanted: Shape): boolean {
  return found.length === wanted.length &&
    found.every((size, i) => Number.isNaN(wanted[i]) || size === wanted[i]);
}

function show(shape: Shape): string {
  const sizes = shape.map((size) => Number.isNaN(size) ? "?" : size);
  return `[${sizes.join(", ")}]`;
}

function describe(config: Description["config"]): string {
  const sizes = Object.entries(config)
    .filter(([name, size]) =>
      (name === "width" || name === "depth") && !Number.isNaN(size)
    )
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
