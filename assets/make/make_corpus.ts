/**
 * Makes the pretraining corpus: emoji, garments, letters and digits in 32 × 32.
 *
 *     deno task make:corpus FILE
 *
 * Sources: npm packages, which `npm ci` fetches from a committed lock file into
 * `.sources/`, and Debian's `dataset-fashion-mnist`, which must be installed.
 * No image of MNIST is among them. Licences: `assets/SOURCES.md`.
 */

import { hinted } from "../../core/errors.ts";
import { readIdx } from "../../core/data/idx.ts";
import { outputPath, run, say } from "./command.ts";
import { emojiSplits, garmentSplits, glyphSplits } from "./corpus_sources.ts";
import { groupEmoji } from "./emoji_classes.ts";
import { FASHION_CLASSES } from "./fashion.ts";
import { readFamilies } from "./fonts.ts";
import { glyphClasses } from "./glyph_classes.ts";
import { installPackages } from "./packages.ts";
import { SIZE } from "./paint.ts";
import { readSheet } from "./read_sheet.ts";
import { writeSamples } from "./samples.ts";

const SEED = 1;
const GARMENTS = "/usr/share/datasets/fashion-mnist/train";

async function readGarments(): Promise<
  [images: Uint8Array, labels: Uint8Array]
> {
  try {
    const images = await readIdx(`${GARMENTS}-images-idx3-ubyte.gz`, 3);
    const labels = await readIdx(`${GARMENTS}-labels-idx1-ubyte.gz`, 1);
    return [images.data, labels.data];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw hinted(error, "apt-get install dataset-fashion-mnist");
  }
}

async function main(): Promise<void> {
  const path = await outputPath(Deno.args, "make:corpus");
  const [images, labels] = await readGarments();
  const modules = await installPackages("corpus");
  const table = await Deno.readTextFile(
    `${modules}/emoji-datasource-google/emoji.json`,
  );
  const groups = groupEmoji(table);
  const glyphs = glyphClasses();
  const classes = [
    ...FASHION_CLASSES.map((name) => `garment ${name}`),
    ...[...groups.keys()].map((name) => `emoji ${name}`),
    ...glyphs.map(({ name }) => `glyph ${name}`),
  ];
  const firstEmoji = FASHION_CLASSES.length;
  const firstGlyph = firstEmoji + groups.size;
  const sheets = [
    await readSheet(modules, "google"),
    await readSheet(modules, "twitter"),
  ];
  const sources = {
    garments: garmentSplits(images, labels, 0, SEED),
    emoji: emojiSplits([...groups.values()], sheets, firstEmoji, SEED),
    glyphs: glyphSplits(
      glyphs,
      readFamilies(`${modules}/@fontsource`),
      firstGlyph,
      SEED,
    ),
  };
  for (const [name, { train, validation }] of Object.entries(sources)) {
    say(`${name}: ${train.length} train, ${validation.length} validation`);
  }
  const all = Object.values(sources);
  const train = all.flatMap((source) => source.train);
  const validation = all.flatMap((source) => source.validation);
  say(
    await writeSamples(path, { train, validation }, {
      classes,
      seed: SEED,
      description: {
        name: "shapes",
        source: "Noto Emoji, Twemoji, Fashion-MNIST, letters and digits of " +
          "129 open fonts",
        licence: "Apache-2.0, CC-BY-4.0, MIT, OFL-1.1; see SOURCES.md",
        preparedWith: "deno task make:corpus",
        resize: { filter: "bicubic", size: SIZE, fit: "stretch" },
        notes: "Validation: held-out emoji, photographs and font families. " +
          "Drawn with turns, colours and grounds at random, seed 1.",
      },
    }),
  );
}

if (import.meta.main) await run(main);
