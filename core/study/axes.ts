/**
 * What a study may vary: the method, its options, the data, the backbone, the
 * seed, every setting of training, and in what numbers are stored.
 *
 * @module
 */

import { augmentSpecs } from "../data/augment.ts";
import { hinted } from "../errors.ts";
import { methods } from "../methods/mod.ts";
import { nearest } from "../nearest.ts";
import { defaultSettings } from "../train/settings.ts";

/** A value on an axis. */
export type AxisValue = string | number;

/** Something that a study may vary. */
export interface Axis {
  /** As on the command line, such as `batch-size`. */
  readonly name: string;
  /** What part of a run's configuration it sets. */
  readonly part:
    | "method"
    | "data"
    | "backbone"
    | "precision"
    | "option"
    | "setting"
    | "augment";
  /** The name there, such as `batchSize`. */
  readonly key: string;
  /** Of a value; a list is written `q+v`, for commas part the values. */
  readonly kind: "integer" | "number" | "text" | "list";
}

const WHOLE: readonly string[] = ["epochs", "batchSize", "seed"];
/** Settings that no flag sets. */
const FIXED: readonly string[] = ["betas", "eps"];

/** Every axis by its name. */
export const axes: ReadonlyMap<string, Axis> = new Map(
  [
    axis("backbone", "backbone", "text"),
    axis("seed", "setting", "integer"),
    axis("data", "data", "text"),
    axis("method", "method", "text"),
    ...optionAxes(),
    ...Object.keys(defaultSettings)
      .filter((name) => name !== "seed" && !FIXED.includes(name))
      .map((name) =>
        axis(name, "setting", WHOLE.includes(name) ? "integer" : "number")
      ),
    ...augmentSpecs.map(({ name }) => axis(name, "augment", "number")),
    axis("precision", "precision", "text"),
  ].map((made) => [made.name, made]),
);

function axis(key: string, part: Axis["part"], kind: Axis["kind"]): Axis {
  return { name: axisName(key), part, key, kind };
}

/** An option that several methods have is one axis. */
function optionAxes(): Axis[] {
  const found = new Map<string, Axis>();
  for (const { options } of methods.values()) {
    for (const { name, kind } of options) {
      const own = kind === "choice" ? "text" : kind;
      const before = found.get(name)?.kind ?? own;
      found.set(name, axis(name, "option", common(before, own)));
    }
  }
  return [...found.values()];
}

/** What values of two kinds have in common. */
function common(a: Axis["kind"], b: Axis["kind"]): Axis["kind"] {
  const numeric = (kind: Axis["kind"]) =>
    kind === "integer" || kind === "number";
  if (a === b) return a;
  return numeric(a) && numeric(b) ? "number" : "text";
}

/** The name of an option or setting as it is typed: `batchSize`, `batch-size`. */
export function axisName(key: string): string {
  if (key === "clip") return "clip-grad"; // As in timm.
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Finds an axis.
 *
 * @throws {RangeError} If there is none of that name; the hint has the nearest.
 */
export function findAxis(name: string): Axis {
  const found = axes.get(name);
  if (found) return found;
  throw hinted(
    new RangeError(
      `Cannot vary ${name}: got a name that nothing has, wanted one of ` +
        [...axes.keys()].join(", "),
    ),
    `did you mean ${nearest(name, [...axes.keys()])}?`,
  );
}

/**
 * Reads the text of a value, or of one in a list.
 *
 * @returns Nothing if it is no value of the axis.
 */
export function axisValue(
  { kind }: Axis,
  given: unknown,
): AxisValue | undefined {
  if (kind === "text" || kind === "list") {
    const text = typeof given === "number" ? String(given) : given;
    if (typeof text !== "string" || text === "") return undefined;
    return kind === "list" ? text.replaceAll("+", ",") : text;
  }
  const blank = typeof given === "string" && given.trim() === "";
  if (blank || typeof given !== "string" && typeof given !== "number") {
    return undefined;
  }
  const value = Number(given);
  const good = kind === "integer"
    ? Number.isSafeInteger(value)
    : Number.isFinite(value);
  return good ? value : undefined;
}
