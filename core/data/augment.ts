/**
 * Random changes of training images, made while an image is loaded.
 *
 * Flip, crop, shift and rotation make up one affine map, sampled once with
 * bilinear weights (pixels outside take the nearest one inside); then colours
 * change by one linear map; then the result is clamped and normalised. What is
 * drawn depends on (seed, epoch, image) alone, and switching one change on does
 * not alter what another draws.
 *
 * @module
 */
import { RandomStream } from "../rng.ts";
import type { AugmentOptions } from "./augment_options.ts";
import type { Split } from "./dataset.ts";

export {
  type AugmentOptions,
  augmentSpecs,
  checkAugment,
  noAugment,
} from "./augment_options.ts";

/** What normalising subtracts and divides by, per channel, for values 0 to 1. */
export interface Normalisation {
  /** Mean of red, green and blue. */
  mean: readonly number[];
  /** Standard deviation of red, green and blue. */
  std: readonly number[];
}

// One image at a time is loaded, so its random numbers and map can stay here.
const drawn = new Float64Array(13);
/** Source x of column, of row, at 0; source y of column, of row, at 0. */
const map = new Float64Array(6);

/**
 * Loads an image of a split as f32, augmented and normalised.
 *
 * @param split Where the image is.
 * @param index Which image.
 * @param imageSize Its side in pixels.
 * @param out Receives (3, imageSize, imageSize) from `offset` on.
 * @param offset Position in `out`.
 * @param normalise Mean and deviation of each channel.
 * @param augment Changes; none for evaluation.
 * @param key What the random numbers depend on, beside the index.
 */
export function loadImage(
  split: Split,
  index: number,
  imageSize: number,
  out: Float32Array,
  offset: number,
  normalise: Normalisation,
  augment: AugmentOptions | undefined,
  key: { seed: number; epoch: number },
): void {
  const pixels = imageSize * imageSize;
  const from = index * pixels * 3;
  if (!augment) {
    copyImage(split.images, from, imageSize, out, offset, false);
    normaliseImage(out, offset, pixels, normalise);
    return;
  }
  const stream = new RandomStream(key.seed, "augment", key.epoch, index);
  for (let i = 0; i < drawn.length; i++) drawn[i] = stream.next();
  const { cropScale, shift, rotate } = augment;
  const flip = drawn[0] < augment.hflip;
  if (cropScale === 0 && shift === 0 && rotate === 0) {
    copyImage(split.images, from, imageSize, out, offset, flip);
  } else {
    chooseMap(augment, imageSize, flip);
    sampleImage(split.images, from, imageSize, out, offset);
  }
  recolour(out, offset, pixels, augment);
  normaliseImage(out, offset, pixels, normalise);
}

/** Spreads −1 to 1 over a draw from 0 to 1. */
function signed(draw: number): number {
  return 2 * draw - 1;
}

function chooseMap(
  { cropScale, cropRatio, shift, rotate }: AugmentOptions,
  size: number,
  flip: boolean,
): void {
  let width = 1, height = 1;
  if (cropScale > 0) {
    const area = cropScale + (1 - cropScale) * drawn[1];
    const ratio = Math.exp(signed(drawn[2]) * Math.log(cropRatio || 1));
    width = Math.min(1, Math.sqrt(area * ratio));
    height = Math.min(1, Math.sqrt(area / ratio));
  }
  const centreX = (width / 2 + (1 - width) * drawn[3]) * size +
    Math.floor(drawn[5] * (2 * shift + 1)) - shift;
  const centreY = (height / 2 + (1 - height) * drawn[4]) * size +
    Math.floor(drawn[6] * (2 * shift + 1)) - shift;
  const angle = signed(drawn[7]) * rotate * Math.PI / 180;
  const cos = Math.cos(angle), sin = Math.sin(angle);
  const mirror = flip ? -1 : 1;
  map[0] = cos * width * mirror;
  map[1] = -sin * height;
  map[3] = sin * width * mirror;
  map[4] = cos * height;
  // From the middle of a target pixel to the middle of a source pixel.
  const middle = 0.5 - size / 2;
  map[2] = centreX - 0.5 + (map[0] + map[1]) * middle;
  map[5] = centreY - 0.5 + (map[3] + map[4]) * middle;
}

function sampleImage(
  images: Uint8Array,
  from: number,
  size: number,
  out: Float32Array,
  offset: number,
): void {
  const last = size - 1;
  const pixels = size * size;
  let to = offset;
  for (let y = 0; y < size; y++) {
    let sourceX = map[1] * y + map[2];
    let sourceY = map[4] * y + map[5];
    for (let x = 0; x < size; x++, to++) {
      const atX = sourceX < 0 ? 0 : sourceX > last ? last : sourceX;
      const atY = sourceY < 0 ? 0 : sourceY > last ? last : sourceY;
      const left = atX | 0, top = atY | 0;
      const right = atX - left, below = atY - top;
      // At the far edge the next pixel has no weight: any will do.
      const a = from + (top * size + left) * 3;
      const b = left < last ? a + 3 : a;
      const down = top < last ? size * 3 : 0;
      const c = a + down, d = b + down;
      const weightD = right * below;
      const weightB = right - weightD;
      const weightC = below - weightD;
      const weightA = 1 - right - weightC;
      out[to] = images[a] * weightA + images[b] * weightB +
        images[c] * weightC + images[d] * weightD;
      out[to + pixels] = images[a + 1] * weightA + images[b + 1] * weightB +
        images[c + 1] * weightC + images[d + 1] * weightD;
      out[to + 2 * pixels] = images[a + 2] * weightA + images[b + 2] * weightB +
        images[c + 2] * weightC + images[d + 2] * weightD;
      sourceX += map[0];
      sourceY += map[3];
    }
  }
}

function copyImage(
  images: Uint8Array,
  from: number,
  size: number,
  out: Float32Array,
  offset: number,
  flip: boolean,
): void {
  const pixels = size * size;
  const step = flip ? -1 : 1;
  for (let y = 0; y < size; y++) {
    let at = from + y * size * 3;
    let to = offset + y * size + (flip ? size - 1 : 0);
    for (let x = 0; x < size; x++, at += 3, to += step) {
      out[to] = images[at];
      out[to + pixels] = images[at + 1];
      out[to + 2 * pixels] = images[at + 2];
    }
  }
}

/** Brightness, contrast about the image's mean grey, saturation: in this order,
 * after inverting, each a linear map of the colours. */
function recolour(
  out: Float32Array,
  offset: number,
  pixels: number,
  options: AugmentOptions,
): void {
  const brightness = 1 + signed(drawn[8]) * options.brightness;
  const contrast = 1 + signed(drawn[9]) * options.contrast;
  const saturation = drawn[12] < options.greyscale
    ? 0
    : 1 + signed(drawn[10]) * options.saturation;
  const invert = drawn[11] < options.invert;
  if (brightness === 1 && contrast === 1 && saturation === 1 && !invert) return;
  let scale = brightness * (invert ? -1 : 1);
  let add = brightness * (invert ? 255 : 0);
  const red = offset, green = offset + pixels, blue = offset + 2 * pixels;
  if (contrast !== 1) {
    let sum = 0;
    for (let i = 0; i < pixels; i++) {
      sum += grey(out[red + i], out[green + i], out[blue + i]);
    }
    const mean = scale * (sum / pixels) + add;
    scale *= contrast;
    add = add * contrast + mean * (1 - contrast);
  }
  for (let i = 0; i < pixels; i++) {
    const r = scale * out[red + i] + add;
    const g = scale * out[green + i] + add;
    const b = scale * out[blue + i] + add;
    const rest = grey(r, g, b) * (1 - saturation);
    out[red + i] = clamp(r * saturation + rest);
    out[green + i] = clamp(g * saturation + rest);
    out[blue + i] = clamp(b * saturation + rest);
  }
}

/** Luma of ITU-R BT.601, as PIL's mode `L`. */
function grey(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function normaliseImage(
  out: Float32Array,
  offset: number,
  pixels: number,
  { mean, std }: Normalisation,
): void {
  for (let c = 0, at = offset; c < 3; c++) {
    const scale = 1 / (255 * std[c]);
    const add = -mean[c] / std[c];
    for (const end = at + pixels; at < end; at++) {
      out[at] = out[at] * scale + add;
    }
  }
}
