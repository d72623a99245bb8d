/**
 * Finds the images of a folder that has one folder a class.
 *
 * @module
 */
import { hinted } from "../errors.ts";
import { statSource } from "../weights/read_file.ts";
import { type SplitName, splitNames } from "./dataset.ts";

/** Images of one pool: their paths, and the class of each. */
export interface ImagePool {
  /** Path of each image. */
  paths: string[];
  /** Class of each image. */
  labels: Int32Array;
}

/** What a folder of images holds. */
export interface ImageFolder {
  /** Class names in the order of the labels. */
  classes: string[];
  /** The folder's own splits; all images as `train` where it has none. */
  pools: Map<SplitName, ImagePool>;
  /** Whether the splits are the folder's own. */
  ownSplits: boolean;
  /** Files that are no images, by extension. */
  ignored: Record<string, number>;
  /** What the user should know. */
  notes: string[];
}

const EXTENSIONS = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;

const SPLIT_FOLDERS = new Map<string, SplitName>([
  ["train", "train"],
  ["val", "validation"],
  ["validation", "validation"],
  ["test", "test"],
]);

/**
 * Lists the images of SOURCE/CLASS/… or SOURCE/SPLIT/CLASS/…, where the splits
 * are called train, val or validation, and test.
 *
 * Names that start with a dot are passed over. Classes are sorted by name, or
 * by value where every name is a number.
 *
 * @throws {RangeError} If there is no class, a class without images, or a class
 * that training does not have.
 */
export async function listImages(source: string): Promise<ImageFolder> {
  const found = await foldersOf(source);
  const ignored: Record<string, number> = {};
  const ownSplits = found.length > 0 &&
    found.every((name) => SPLIT_FOLDERS.has(name));
  const roots = new Map<SplitName, string>();
  for (const name of ownSplits ? found : []) {
    const split = SPLIT_FOLDERS.get(name) ?? "train";
    const other = roots.get(split);
    if (other) {
      throw new RangeError(
        `Cannot read ${source}: got ${other} and ${name}, wanted one ${split} folder`,
      );
    }
    roots.set(split, name);
  }
  if (!ownSplits) roots.set("train", "");
  const pools = new Map<SplitName, Map<string, string[]>>();
  for (const split of splitNames) {
    const name = roots.get(split);
    if (name === undefined) continue;
    const root = name ? `${source}/${name}` : source;
    pools.set(split, await listClasses(root, ignored));
  }
  const { classes, notes } = orderedClasses(source, pools);
  return {
    classes,
    notes,
    ownSplits,
    ignored,
    pools: new Map(
      [...pools].map(([split, lists]) => [split, poolOf(lists, classes)]),
    ),
  };
}

async function foldersOf(folder: string): Promise<string[]> {
  if (!(await statSource(folder)).isDirectory) {
    throw new RangeError(`Cannot read ${folder}: got a file, wanted a folder`);
  }
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.startsWith(".")) continue;
    if (await kindOf(folder, entry) === "folder") names.push(entry.name);
  }
  return names.sort();
}

/** What an entry is, a link being what it leads to. */
async function kindOf(
  folder: string,
  entry: Deno.DirEntry,
): Promise<"file" | "folder" | "nothing"> {
  const info = entry.isSymlink
    ? await Deno.stat(`${folder}/${entry.name}`).catch(() => undefined)
    : entry;
  if (info?.isDirectory) return "folder";
  return info?.isFile ? "file" : "nothing";
}

async function listClasses(
  root: string,
  ignored: Record<string, number>,
): Promise<Map<string, string[]>> {
  const lists = new Map<string, string[]>();
  for (const name of await foldersOf(root)) {
    const paths: string[] = [];
    await walk(`${root}/${name}`, paths, ignored);
    if (paths.length === 0) {
      throw hinted(
        new RangeError(
          `Cannot read ${root}/${name}: got no images, wanted at least one in every class folder`,
        ),
        "Remove the folder, or put JPEG, PNG, WebP, GIF, TIFF or AVIF files into it",
      );
    }
    lists.set(name, paths.sort());
  }
  if (lists.size > 0) return lists;
  throw hinted(
    new RangeError(
      `Cannot read ${root}: got no class folders, wanted one folder of images a class`,
    ),
    "Arrange the images as FOLDER/CLASS/IMAGE",
  );
}

async function walk(
  folder: string,
  paths: string[],
  ignored: Record<string, number>,
): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const { name } = entry;
    if (name.startsWith(".")) continue;
    const path = `${folder}/${name}`;
    const kind = await kindOf(folder, entry);
    if (kind === "file" && EXTENSIONS.test(name)) paths.push(path);
    else if (kind === "folder" && !entry.isSymlink) {
      await walk(path, paths, ignored);
    } else {
      const extension = /\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "";
      const key = extension || "no extension";
      ignored[key] = (ignored[key] ?? 0) + 1;
    }
  }
}

function orderedClasses(
  source: string,
  pools: Map<SplitName, Map<string, string[]>>,
): { classes: string[]; notes: string[] } {
  const [first, lists] = pools.has("train")
    ? ["train", pools.get("train")] as const
    : [...pools][0];
  const classes = [...lists?.keys() ?? []].sort();
  const notes: string[] = [];
  if (classes.every((name) => /^\d+$/.test(name))) {
    classes.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
    notes.push("Class names are numbers and are sorted by value");
  }
  for (const [split, found] of pools) {
    const keys = [...found.keys()];
    const extra = keys.find((name) => !classes.includes(name));
    if (extra !== undefined) {
      throw new RangeError(
        `Cannot read ${source}: got class "${extra}" in ${split}, wanted the classes of ${first} only`,
      );
    }
    const missing = classes.filter((name) => !keys.includes(name));
    if (missing.length > 0) {
      notes.push(`No images in ${split} of: ${missing.join(", ")}`);
    }
  }
  return { classes, notes };
}

function poolOf(lists: Map<string, string[]>, classes: string[]): ImagePool {
  const paths: string[] = [];
  const labels: number[] = [];
  classes.forEach((name, label) => {
    for (const path of lists.get(name) ?? []) {
      paths.push(path);
      labels.push(label);
    }
  });
  return { paths, labels: Int32Array.from(labels) };
}
