/**
 * Makes a folder of drawings, as a user would have it: `train`, `validation`
 * and `test`, a folder a class, PNG files of 64 × 64.
 *
 *     deno task make:drawings FOLDER
 *
 * The drawings are Fluent Emoji (Microsoft, MIT), flat and coloured, by an
 * artist whose work is not in the pretraining corpus. The same emoji may be in
 * it as drawn by others. Needs npm; `npm ci` fetches the packages into
 * `.sources/`.
 */

import { RandomStream } from "../../core/rng.ts";
import { type SharpConstructor, withSharp } from "../../core/data/sharp.ts";
import { run, say } from "./command.ts";
import { installPackages } from "./packages.ts";
import { anyColour, between, type Colour, pick } from "./paint.ts";
import { shuffledOrder } from "./samples.ts";

const SEED = 1;
const SIDE = 64;
const STYLES = ["fluent-emoji-flat", "fluent-emoji"] as const;

/** Images of a class; no emoji is in two splits. */
const PER_CLASS = { train: 100, validation: 25, test: 100 } as const;
const SHARES = { train: 0.55, validation: 0.15, test: 0.3 } as const;

/** Emoji groups by folder; flags are too few. */
const CLASSES = new Map([
  ["activities", "Activities"],
  ["animals", "Animals & Nature"],
  ["food", "Food & Drink"],
  ["objects", "Objects"],
  ["people", "People & Body"],
  ["smileys", "Smileys & Emotion"],
  ["symbols", "Symbols"],
  ["travel", "Travel & Places"],
]);

/** The drawings of one style by name, as SVG without the outer element. */
interface Style {
  readonly bodies: ReadonlyMap<string, string>;
  readonly side: number;
}

async function readStyle(modules: string, style: string): Promise<Style> {
  const path = `${modules}/@iconify-json/${style}/icons.json`;
  const { icons, height } = JSON.parse(await Deno.readTextFile(path)) as {
    icons: Record<string, { body: string }>;
    height: number;
  };
  const bodies = Object.entries(icons)
    .map(([name, { body }]) => [name, body] as const);
  return { bodies: new Map(bodies), side: height };
}

/** Names of each group, skin tones left out. */
async function readGroups(modules: string): Promise<Map<string, string[]>> {
  const path = `${modules}/@iconify-json/${STYLES[0]}/metadata.json`;
  const { categories } = JSON.parse(await Deno.readTextFile(path)) as {
    categories: Record<string, string[]>;
  };
  return new Map(
    Object.entries(categories).map(([group, names]) => [
      group,
      names.filter((name) => !/-(dark|medium|light)(-|$)/.test(name)).sort(),
    ]),
  );
}

/** An SVG of a drawing, scaled, turned and shifted on a plain ground. */
function draw(
  { bodies, side }: Style,
  name: string,
  random: RandomStream,
): string {
  const scale = SIDE / side * between(random, 0.6, 0.95);
  const angle = between(random, -15, 15);
  const [x, y] = [0, 1].map(() => SIDE / 2 + between(random, -5, 5));
  const white: Colour = [255, 255, 255];
  const ground = pick(random, [white, anyColour(random)]).map(Math.round);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}">
<rect width="${SIDE}" height="${SIDE}" fill="rgb(${ground})"/>
<g transform="translate(${x} ${y}) rotate(${angle}) scale(${scale}) translate(${
    -side / 2
  } ${-side / 2})">${bodies.get(name)}</g></svg>`;
}

async function drawClass(
  folder: string,
  names: readonly string[],
  styles: readonly Style[],
  sharp: SharpConstructor,
): Promise<number> {
  const label = folder.replace(/^.*\//, "");
  const order = shuffledOrder(
    names.length,
    new RandomStream(SEED, `drawings ${label}`),
  );
  let from = 0;
  let written = 0;
  for (const split of ["train", "validation", "test"] as const) {
    const to = from + Math.floor(SHARES[split] * names.length);
    const members = Array.from(order.subarray(from, to), (i) => names[i]);
    from = to;
    const target = folder.replace(/\/[^/]*$/, `/${split}/${label}`);
    await Deno.mkdir(target, { recursive: true });
    for (let i = 0; i < PER_CLASS[split]; i++) {
      const name = members[i % members.length];
      const round = Math.floor(i / members.length);
      const random = new RandomStream(SEED, `draw ${label} ${name}`, round);
      const svg = draw(styles[(i + round) % styles.length], name, random);
      const png = await sharp(new TextEncoder().encode(svg)).removeAlpha()
        .png().toBuffer();
      await Deno.writeFile(`${target}/${name}-${round}.png`, png);
      written++;
    }
  }
  return written;
}

async function main(): Promise<void> {
  const [folder, ...rest] = Deno.args;
  if (!folder || rest.length > 0 || folder.startsWith("-")) {
    throw new SyntaxError(
      `Cannot run make:drawings: got ${Deno.args.length} arguments, wanted ` +
        "the folder to make",
    );
  }
  await Deno.mkdir(folder);
  const modules = await installPackages("drawings");
  const styles = await Promise.all(
    STYLES.map((style) => readStyle(modules, style)),
  );
  const groups = await readGroups(modules);
  await withSharp(async (sharp) => {
    let total = 0;
    for (const [label, group] of CLASSES) {
      const names = (groups.get(group) ?? [])
        .filter((name) => styles.every(({ bodies }) => bodies.has(name)));
      total += await drawClass(`${folder}/${label}`, names, styles, sharp);
    }
    say(`${folder}: ${total} images of ${CLASSES.size} classes`);
  });
}

if (import.meta.main) await run(main);
