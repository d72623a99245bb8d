import { amountsOf, commonOptions, describeSource } from "./common_options.ts";
import type { Split, SplitName } from "./dataset.ts";
import { fits, fitSquare } from "./fit.ts";
import { readIdx } from "./idx.ts";
import {
  Options,
  type OptionSpec,
  type OptionValue,
  type PrepareContext,
  type Prepared,
  type PrepareKind,
} from "./kind.ts";
import { filters } from "./resize.ts";
import { splitPools } from "./split_pools.ts";
import { statSource } from "../weights/read_file.ts";

/** Grey images and their classes, as a pair of idx files holds them. */
interface GreyImages {
  height: number;
  width: number;
  /** (count, height, width). */
  images: Uint8Array;
  labels: Int32Array;
}

const FILE =
  /^(.*?)(train|t10k|test)([-_.])images([-_.])idx3([-_.]ubyte)(\.gz)?$/;

const options: readonly OptionSpec[] = [
  ...commonOptions,
  {
    name: "classes",
    type: "string",
    help: "class names, separated by commas; numbers where not given",
  },
];

/**
 * The MNIST family's format: pairs of `…-images-idx3-ubyte` and
 * `…-labels-idx1-ubyte` files, gzipped or not.
 *
 * The source is their folder, or one images file with its labels beside it.
 * Official splits are kept; validation images are cut out of the training ones.
 */
export const idx: PrepareKind = {
  name: "idx",
  summary: "the MNIST family's idx files, gzipped or not",
  options,
  prepare,
};

async function prepare(
  source: string,
  given: Record<string, OptionValue | undefined>,
  context: PrepareContext,
): Promise<Prepared> {
  const checked = new Options(options, given);
  const pools = new Map<SplitName, GreyImages>();
  for (const [name, files] of await findFiles(source)) {
    pools.set(name, await readPair(files));
  }
  const selections = splitPools(
    new Map([...pools].map(([name, { labels }]) => [name, labels])),
    amountsOf(checked),
    context.seed,
  );
  const work = new Resizing(checked, context, selections.values());
  const splits = new Map<SplitName, Split>();
  for (const [name, { pool, indices }] of selections) {
    const from = pools.get(pool);
    if (from) splits.set(name, work.split(from, indices));
  }
  const { classes, notes } = classesOf(checked.text("classes"), pools);
  const description = describeSource(source, checked, { context, notes });
  return {
    dataset: { imageSize: work.size, classes, splits, description },
    report: { notes, broken: [], ignored: {} },
  };
}

interface Pair {
  images: string;
  labels: string;
}

/** The pair of files of each official split. */
async function findFiles(source: string): Promise<Map<SplitName, Pair>> {
  const single = (await statSource(source)).isFile;
  const slash = single ? source.search(/[^/\\]*$/) : source.length;
  const folder = source.slice(0, slash) || (single ? "." : source);
  const base = source.slice(slash);
  const names = new Set(
    Array.from(Deno.readDirSync(folder), ({ name }) => name),
  );
  const pairs = new Map<SplitName, Pair>();
  for (const name of [...names].sort()) {
    const match = FILE.exec(name);
    if (!match || (single && name !== base)) continue;
    const [, prefix, part, dash, dot, end] = match;
    const labels = [".gz", ""]
      .map((zip) => `${prefix}${part}${dash}labels${dot}idx1${end}${zip}`)
      .find((candidate) => names.has(candidate));
    const split = part === "train" ? "train" : "test";
    const other = pairs.get(split);
    if (!labels || other) {
      throw new RangeError(
        `Cannot read ${source}: got ${name} ` +
          (labels ? `beside ${other?.images}` : "without its labels") +
          `, wanted one pair of images and labels for ${split}`,
      );
    }
    pairs.set(split, {
      images: `${folder}/${name}`,
      labels: `${folder}/${labels}`,
    });
  }
  if (pairs.size > 0) return pairs;
  throw new RangeError(
    `Cannot read ${source}: got no idx files, ` +
      "wanted train-images-idx3-ubyte and its like, gzipped or not",
  );
}

async function readPair(files: Pair): Promise<GreyImages> {
  const { shape: [count, height, width], data: images } = await readIdx(
    files.images,
    3,
  );
  const { shape: [labels], data } = await readIdx(files.labels, 1);
  if (labels !== count || count * height * width === 0) {
    throw new RangeError(
      `Cannot read ${files.images}: got ${count} images of ${width} × ${height} ` +
        `and ${labels} labels, wanted as many of both and at least 1`,
    );
  }
  return { height, width, images, labels: Int32Array.from(data) };
}

function classesOf(
  given: string,
  pools: Map<SplitName, GreyImages>,
): { classes: string[]; notes: string[] } {
  const used = new Set<number>();
  for (const { labels } of pools.values()) labels.forEach((l) => used.add(l));
  const wanted = Math.max(...used) + 1;
  const classes = given
    ? given.split(",").map((name) => name.trim())
    : Array.from({ length: wanted }, (_, i) => `${i}`);
  if (classes.length < wanted) {
    throw new RangeError(
      `Cannot name the classes: got ${classes.length} names, wanted ${wanted}`,
    );
  }
  const notes = classes.flatMap((name, i) =>
    used.has(i) ? [] : [`Class "${name}" has no images`]
  );
  return { classes, notes };
}

/** Makes splits of one size, and tells how far it is. */
class Resizing {
  readonly size: number;
  readonly #options: Options;
  readonly #context: PrepareContext;
  readonly #total: number;
  #done = 0;

  constructor(
    options: Options,
    context: PrepareContext,
    selections: Iterable<{ indices: Int32Array }>,
  ) {
    this.size = options.number("size") ?? 0;
    this.#options = options;
    this.#context = context;
    this.#total = Array.from(selections, ({ indices }) => indices.length)
      .reduce((sum, count) => sum + count, 0);
  }

  split(from: GreyImages, indices: Int32Array): Split {
    const { size } = this;
    const pixels = size * size * 3;
    const images = new Uint8Array(indices.length * pixels);
    const labels = new Int32Array(indices.length);
    const fitting = {
      size,
      fit: this.#options.choice("fit", fits),
      filter: this.#options.choice("filter", filters),
      cropPct: this.#options.number("cropPct"),
      background: [0, 0, 0] as const,
    };
    indices.forEach((index, i) => {
      images.set(fitSquare(rgbOf(from, index), fitting).data, i * pixels);
      labels[i] = from.labels[index];
      if (++this.#done % 1000 === 0 || this.#done === this.#total) {
        this.#context.progress?.(this.#done, this.#total);
      }
    });
    return { images, labels, count: indices.length };
  }
}

function rgbOf({ width, height, images }: GreyImages, index: number) {
  const data = new Uint8Array(width * height * 3);
  const from = index * width * height;
  for (let i = 0; i < width * height; i++) {
    data[3 * i] = data[3 * i + 1] = data[3 * i + 2] = images[from + i];
  }
  return { width, height, data };
}
