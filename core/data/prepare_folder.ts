import { hinted } from "../errors.ts";
import { amountsOf, commonOptions, describeSource } from "./common_options.ts";
import type { Split, SplitName } from "./dataset.ts";
import {
  decodeImage,
  type DecodeOptions,
  DEFAULT_MAX_PIXELS,
  ImageError,
} from "./decode_image.ts";
import { type Colour, type FitOptions, fits } from "./fit.ts";
import { type ImagePool, listImages } from "./image_folder.ts";
import {
  Options,
  type OptionSpec,
  type OptionValue,
  type PrepareContext,
  type Prepared,
  type PrepareKind,
  type PrepareReport,
} from "./kind.ts";
import { filters } from "./resize.ts";
import { type Selection, splitPools } from "./split_pools.ts";

/** Shares of a folder that has no splits of its own. */
const DEFAULT_VALIDATION = 0.1;
const DEFAULT_TEST = 0.2;

/** Images decoded at the same time; sharp has as many threads. */
const AT_ONCE = 4;

const options: readonly OptionSpec[] = [
  ...commonOptions,
  {
    name: "background",
    type: "string",
    default: "#ffffff",
    help: "colour under transparent pixels and around padded images",
  },
  {
    name: "ignoreOrientation",
    type: "boolean",
    default: false,
    help: "leave images as stored, whatever their EXIF orientation says",
  },
  {
    name: "maxPixels",
    type: "integer",
    min: 1,
    default: DEFAULT_MAX_PIXELS,
    help: "largest image that is decoded, width × height",
  },
  {
    name: "skipBroken",
    type: "boolean",
    default: false,
    help: "leave out images that do not decode, instead of failing",
  },
];

/**
 * One folder a class: `SOURCE/CLASS/…`, cut at random into splits (10 %
 * validation and 20 % test unless told otherwise), or `SOURCE/SPLIT/CLASS/…`.
 */
export const folder: PrepareKind = {
  name: "folder",
  summary: "one folder of images a class, with or without train, val and test",
  options,
  prepare,
};

async function prepare(
  source: string,
  given: Record<string, OptionValue | undefined>,
  context: PrepareContext,
): Promise<Prepared> {
  const checked = new Options(options, given);
  const decoding = decodingOf(checked);
  const listed = await listImages(source);
  const { classes, notes, ignored, pools } = listed;
  const amounts = amountsOf(checked);
  if (!listed.ownSplits) {
    amounts.validation ??= DEFAULT_VALIDATION;
    amounts.test ??= DEFAULT_TEST;
  }
  const selections = splitPools(
    new Map([...pools].map(([name, { labels }]) => [name, labels])),
    amounts,
    context.seed,
  );
  const report: PrepareReport = { notes, broken: [], ignored };
  const splits = new Map<SplitName, Split>();
  const work = new Decoding(decoding, context, selections.values());
  for (const [name, selection] of selections) {
    const pool = pools.get(selection.pool);
    if (pool) splits.set(name, await work.split(pool, selection, report));
  }
  settleBroken(source, report, checked.flag("skipBroken"));
  checkLeft(source, splits, classes);
  const description = describeSource(source, checked, { context, notes });
  return {
    dataset: { imageSize: decoding.size, classes, splits, description },
    report,
  };
}

function decodingOf(checked: Options): DecodeOptions & FitOptions {
  return {
    size: checked.number("size") ?? 0,
    fit: checked.choice("fit", fits),
    filter: checked.choice("filter", filters),
    cropPct: checked.number("cropPct"),
    background: parseColour(checked.text("background")),
    orient: !checked.flag("ignoreOrientation"),
    maxPixels: checked.number("maxPixels"),
  };
}

function parseColour(text: string): Colour {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  if (!match) {
    throw hinted(
      new RangeError(
        `Cannot prepare images: got background "${text}", wanted #rrggbb`,
      ),
      "#ffffff is white",
    );
  }
  const [red, green, blue] = match.slice(1).map((hex) => parseInt(hex, 16));
  return [red, green, blue];
}

/** Fails for broken images unless they may be skipped, and then notes them. */
function settleBroken(
  source: string,
  { broken, notes }: PrepareReport,
  skip: boolean,
): void {
  if (broken.length === 0) return;
  const count = `${broken.length} broken image${broken.length > 1 ? "s" : ""}`;
  if (skip) {
    notes.push(`Left out ${count}`);
    return;
  }
  const shown = broken.slice(0, 5).map(({ file }) => file).join(", ");
  const more = broken.length > 5 ? `, … ${broken.length - 5} more` : "";
  throw hinted(
    new ImageError(
      `Cannot prepare ${source}: got ${count} (${shown}${more}), wanted none; ` +
        `the first one: ${broken[0].reason}`,
    ),
    "--skip-broken leaves them out",
  );
}

/** Skipping may have emptied a class or a split. */
function checkLeft(
  source: string,
  splits: Map<SplitName, Split>,
  classes: string[],
): void {
  for (const [name, { count, labels }] of splits) {
    const missing = classes.find((_, label) => !labels.includes(label));
    if (count > 0 && (name !== "train" || missing === undefined)) continue;
    throw new RangeError(
      `Cannot prepare ${source}: got no whole image ` +
        (count > 0 ? `of class "${missing}" ` : "") +
        `in ${name}, wanted at least one`,
    );
  }
}

/** Decodes the images of splits, and tells how far it is. */
class Decoding {
  readonly #options: DecodeOptions & FitOptions;
  readonly #context: PrepareContext;
  readonly #total: number;
  #done = 0;

  constructor(
    options: DecodeOptions & FitOptions,
    context: PrepareContext,
    selections: Iterable<Selection>,
  ) {
    this.#options = options;
    this.#context = context;
    this.#total = Array.from(selections, ({ indices }) => indices.length)
      .reduce((sum, count) => sum + count, 0);
  }

  async split(
    pool: ImagePool,
    { indices }: Selection,
    report: PrepareReport,
  ): Promise<Split> {
    const bytes = this.#options.size ** 2 * 3;
    const images = new Uint8Array(indices.length * bytes);
    const whole = new Uint8Array(indices.length);
    let next = 0;
    const worker = async () => {
      while (next < indices.length) {
        const i = next++;
        const path = pool.paths[indices[i]];
        const pixels = await this.#decode(path, report);
        if (pixels) {
          images.set(pixels, i * bytes);
          whole[i] = 1;
        }
        this.#context.progress?.(++this.#done, this.#total);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    report.broken.sort((a, b) => a.file < b.file ? -1 : 1);
    const labels = indices.map((index) => pool.labels[index]);
    return compact({ images, labels, whole, bytes });
  }

  async #decode(
    path: string,
    report: PrepareReport,
  ): Promise<Uint8Array | undefined> {
    try {
      return await decodeImage(await Deno.readFile(path), path, this.#options);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      report.broken.push({ file: path, reason: error.message });
    }
  }
}

/** Closes the gaps that broken images left. */
function compact({ images, labels, whole, bytes }: {
  images: Uint8Array<ArrayBuffer>;
  labels: Int32Array;
  whole: Uint8Array;
  bytes: number;
}): Split {
  const kept = Int32Array.from(labels.keys()).filter((i) => whole[i] === 1);
  kept.forEach((from, to) => {
    images.copyWithin(to * bytes, from * bytes, (from + 1) * bytes);
  });
  return {
    images: images.subarray(0, kept.length * bytes),
    labels: kept.map((i) => labels[i]),
    count: kept.length,
  };
}
