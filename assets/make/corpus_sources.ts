/** What each source gives to the corpus: how many images, and which are held out. */

import { RandomStream } from "../../core/rng.ts";
import { drawEmoji, type Sheet } from "./emoji.ts";
import type { Emoji } from "./emoji_classes.ts";
import { drawGarment } from "./fashion.ts";
import type { Family } from "./fonts.ts";
import type { GlyphClass } from "./glyph_classes.ts";
import { drawGlyph } from "./glyphs.ts";
import { pick } from "./paint.ts";
import { shuffledOrder, type Splits } from "./samples.ts";

/** Emoji images a class aims at; a large class gets two of each drawing. */
const EMOJI_PER_CLASS = 360;
const EMOJI_VARIANTS = { least: 2, most: 18, validation: 2 };
/** One emoji in ten is held out, in every artist's drawing and skin tone. */
const EMOJI_HELD_OUT = 10;

const GARMENTS_PER_CLASS = { train: 2000, validation: 100 };

const GLYPHS_PER_CLASS = { train: 1000, validation: 30 };
/** One font family in ten is held out. */
const FAMILIES_HELD_OUT = 10;

/** Draws all emoji classes; labels count from `firstLabel`. */
export function emojiSplits(
  groups: Emoji[][],
  sheets: Sheet[],
  firstLabel: number,
  seed: number,
): Splits {
  const splits: Splits = { train: [], validation: [] };
  groups.forEach((group, index) => {
    const order = shuffledOrder(
      group.length,
      new RandomStream(seed, "emoji split", index),
    );
    const heldOut = Math.ceil(group.length / EMOJI_HELD_OUT);
    const variants = Math.round(
      EMOJI_PER_CLASS / (sheets.length * (group.length - heldOut)),
    );
    const trainVariants = Math.min(
      EMOJI_VARIANTS.most,
      Math.max(EMOJI_VARIANTS.least, variants),
    );
    order.forEach((member, rank) => {
      const split = rank < heldOut ? splits.validation : splits.train;
      const count = rank < heldOut ? EMOJI_VARIANTS.validation : trainVariants;
      for (let i = 0; i < count * sheets.length; i++) {
        const random = new RandomStream(seed, "emoji", index, member, i);
        const sheet = sheets[i % sheets.length];
        const image = drawEmoji(sheet, group[member], random);
        split.push({ image, label: firstLabel + index });
      }
    });
  });
  return splits;
}

/**
 * Draws an equal share of every garment class.
 *
 * Shapes: images `[N, 28, 28]`, labels `[N]`.
 */
export function garmentSplits(
  images: Uint8Array,
  labels: Uint8Array,
  firstLabel: number,
  seed: number,
): Splits {
  const splits: Splits = { train: [], validation: [] };
  const taken = new Map<number, number>();
  const bytes = images.length / labels.length;
  const order = shuffledOrder(
    labels.length,
    new RandomStream(seed, "garment split"),
  );
  const { train, validation } = GARMENTS_PER_CLASS;
  for (const index of order) {
    const label = labels[index];
    const rank = taken.get(label) ?? 0;
    if (rank >= train + validation) continue;
    taken.set(label, rank + 1);
    const grey = images.subarray(index * bytes, (index + 1) * bytes);
    const random = new RandomStream(seed, "garment", index);
    const split = rank < validation ? splits.validation : splits.train;
    split.push({
      image: drawGarment(grey, random),
      label: firstLabel + label,
    });
  }
  return splits;
}

/** Draws every glyph class from all font families, each equally likely. */
export function glyphSplits(
  classes: GlyphClass[],
  families: Family[],
  firstLabel: number,
  seed: number,
): Splits {
  const splits: Splits = { train: [], validation: [] };
  const order = shuffledOrder(
    families.length,
    new RandomStream(seed, "font split"),
  );
  const heldOut = Math.ceil(families.length / FAMILIES_HELD_OUT);
  const drawn = {
    validation: Array.from(order.subarray(0, heldOut), (i) => families[i]),
    train: Array.from(order.subarray(heldOut), (i) => families[i]),
  };
  classes.forEach(({ characters, small }, index) => {
    for (const split of ["train", "validation"] as const) {
      const able = drawn[split].filter((f) => f.hasSmallLetters || !small);
      for (let i = 0; i < GLYPHS_PER_CLASS[split]; i++) {
        const random = new RandomStream(seed, `glyph ${split}`, index, i);
        const face = pick(random, pick(random, able).faces);
        const image = drawGlyph(face, pick(random, characters), random);
        splits[split].push({ image, label: firstLabel + index });
      }
    }
  });
  return splits;
}
