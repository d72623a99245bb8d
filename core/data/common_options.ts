import { filters } from "./resize.ts";
import { fits } from "./fit.ts";
import type { DatasetDescription } from "./dataset.ts";
import type { Options, OptionSpec, PrepareContext } from "./kind.ts";
import type { Amounts } from "./split_pools.ts";

const amount = (name: string, help: string): OptionSpec => ({
  name,
  type: "number",
  min: 0,
  help: `${help}: a count, or a fraction below 1`,
});

/** The options that every kind has. */
export const commonOptions: readonly OptionSpec[] = [
  {
    name: "size",
    type: "integer",
    min: 1,
    default: 32,
    help: "side of the images in pixels; the backbone's",
  },
  {
    name: "filter",
    type: "string",
    choices: filters,
    default: "bicubic",
    help: "how pixels are weighted when resizing, as PIL does",
  },
  {
    name: "fit",
    type: "string",
    choices: fits,
    default: "stretch",
    help: "how an image becomes square",
  },
  {
    name: "cropPct",
    type: "number",
    min: 0.01,
    max: 1,
    default: 1,
    help: "share of the resized side whose centre is kept; the backbone's",
  },
  amount("train", "images to train on"),
  amount("validation", "images to choose settings by"),
  amount("test", "images to test on"),
  { name: "name", type: "string", help: "short name of the data set" },
  { name: "licence", type: "string", help: "licence of the images" },
];

/** How many images each split shall get. */
export function amountsOf(options: Options): Amounts {
  return {
    train: options.number("train"),
    validation: options.number("validation"),
    test: options.number("test"),
  };
}

/** Describes a data set by the common options. */
export function describeSource(
  source: string,
  options: Options,
  details: { context: PrepareContext; notes: readonly string[] },
): DatasetDescription {
  const cropPct = options.number("cropPct") ?? 1;
  const folder = source.replace(/[/\\]+$/, "");
  return {
    name: options.text("name") || folder.replace(/^.*[/\\]/, ""),
    source,
    licence: options.text("licence"),
    preparedWith: details.context.command,
    resize: {
      filter: options.text("filter"),
      size: options.number("size") ?? 0,
      fit: options.text("fit"),
      ...cropPct < 1 ? { cropPct } : {},
    },
    notes: details.notes.join("\n"),
  };
}
