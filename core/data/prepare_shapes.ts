import { RandomStream } from "../rng.ts";
import { amountsOf, commonOptions } from "./common_options.ts";
import { type Split, type SplitName, splitNames } from "./dataset.ts";
import {
  Options,
  type OptionSpec,
  type OptionValue,
  type PrepareContext,
  type Prepared,
  type PrepareKind,
} from "./kind.ts";
import {
  drawShapes,
  shapeClasses,
  type ShapeTask,
  shapeTasks,
} from "./shapes.ts";

/** VTAB-1k's cut, and a test set. */
const AMOUNTS = { train: 800, validation: 200, test: 2000 } as const;

const options: readonly OptionSpec[] = commonOptions
  .filter(({ name }) => !["filter", "fit", "cropPct", "licence"].includes(name))
  .map((option) =>
    option.name in AMOUNTS
      ? {
        ...option,
        type: "integer",
        default: AMOUNTS[option.name as SplitName],
        help: option.help.replace(/: a count.*/, ""),
      }
      : option
  );

/**
 * Drawings that are made, not read: the source is the name of a task. Every
 * image has a random stream of its own, so that a larger set begins with the
 * images of a smaller one.
 */
export const shapes: PrepareKind = {
  name: "shapes",
  summary: "drawn shapes; the class is their position, orientation or count",
  source: `one of ${shapeTasks.join(", ")}`,
  options,
  prepare,
};

// deno-lint-ignore require-await -- failures reject
async function prepare(
  source: string,
  given: Record<string, OptionValue | undefined>,
  context: PrepareContext,
): Promise<Prepared> {
  const checked = new Options(options, given);
  const task = shapeTasks.find((name) => name === source);
  if (!task) {
    throw new RangeError(
      `Cannot draw shapes: got the task "${source}", wanted one of ` +
        shapeTasks.join(", "),
    );
  }
  const size = checked.number("size") ?? 0;
  const amounts = amountsOf(checked);
  const total = splitNames.reduce((sum, name) => sum + (amounts[name] ?? 0), 0);
  if (total === 0) {
    throw new RangeError("Cannot draw shapes: got 0 images, wanted some");
  }
  const splits = new Map<SplitName, Split>();
  let before = 0;
  for (const name of splitNames) {
    const count = amounts[name] ?? 0;
    if (count === 0) continue;
    splits.set(
      name,
      drawSplit(task, { name, count, size, before, total }, context),
    );
    before += count;
  }
  const notes = `Drawn with seed ${context.seed}.`;
  return {
    dataset: {
      imageSize: size,
      classes: shapeClasses(task),
      splits,
      description: {
        name: checked.text("name") || `shapes-${task}`,
        source: `drawn: ${task} of shapes`,
        licence: "CC0-1.0",
        preparedWith: context.command,
        resize: { filter: "none", size, fit: "stretch" },
        notes,
      },
    },
    report: { notes: [], broken: [], ignored: {} },
  };
}

function drawSplit(
  task: ShapeTask,
  part: {
    name: SplitName;
    count: number;
    size: number;
    before: number;
    total: number;
  },
  { seed, progress }: PrepareContext,
): Split {
  const { name, count, size } = part;
  const classes = shapeClasses(task).length;
  const images = new Uint8Array(count * size * size * 3);
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
  labels.forEach((label, i) => {
    const random = new RandomStream(seed, `shapes ${task} ${name}`, i);
    const image = drawShapes(task, label, size, random);
    images.set(image, i * image.length);
    const done = part.before + i + 1;
    if (done % 1000 === 0 || done === part.total) progress?.(done, part.total);
  });
  return { images, labels, count };
}
