/**
 * Decodes image files to 8-bit RGB.
 *
 * JPEG, PNG, WebP, GIF (first frame), TIFF (first page) and AVIF, through
 * sharp. Numbers are kept as PIL keeps them: colour profiles are ignored, 16
 * bits are cut to the upper 8, CMYK becomes RGB by R = (1 − C)(1 − K).
 *
 * @module
 */
import { type Colour, type FitOptions, fitSquare, WHITE } from "./fit.ts";
import type { Pixels } from "./resize.ts";
import { type Sharp, type SharpConstructor, withSharp } from "./sharp.ts";

/** Largest image that is decoded unless told otherwise, in pixels. */
export const DEFAULT_MAX_PIXELS = 100_000_000;

const FORMATS = new Set(["jpeg", "png", "webp", "gif", "tiff", "heif"]);
const WANTED = "a whole JPEG, PNG, WebP, GIF, TIFF or AVIF image";

/** An image that cannot be decoded; the message names the file. */
export class ImageError extends RangeError {
  /** Always `ImageError`. */
  override name = "ImageError";
}

/** How {@linkcode decodePixels} works. */
export interface DecodeOptions {
  /** Colour under transparent pixels; default white. */
  background?: Colour;
  /** Turn the image as its EXIF orientation says; default true. PIL and
   * torchvision do not unless asked. */
  orient?: boolean;
  /** Largest width × height; default {@linkcode DEFAULT_MAX_PIXELS}. */
  maxPixels?: number;
}

/**
 * Decodes an image at its own size.
 *
 * @param bytes The file.
 * @param name What messages call the file.
 * @throws {ImageError} If the bytes are no whole image, or the header tells of
 * more pixels than allowed; nothing is decoded then.
 */
export function decodePixels(
  bytes: Uint8Array,
  name: string,
  options: DecodeOptions = {},
): Promise<Pixels> {
  return withSharp((sharp) => decodeWith(sharp, bytes, { ...options, name }));
}

async function decodeWith(
  sharp: SharpConstructor,
  bytes: Uint8Array,
  options: DecodeOptions & { name: string },
): Promise<Pixels> {
  const { name } = options;
  const { maxPixels = DEFAULT_MAX_PIXELS, orient = true } = options;
  const header = await readHeader(sharp, bytes, name);
  if (header.pixels > maxPixels) {
    throw new ImageError(
      `Cannot decode ${name}: got ${header.width} × ${header.height} pixels, ` +
        `wanted at most ${maxPixels} in all`,
    );
  }
  const image = sharp(bytes, {
    autoOrient: orient,
    ignoreIcc: true,
    failOn: "error",
    limitInputPixels: maxPixels,
  });
  if (header.inks) image.pipelineColourspace("cmyk").toColourspace("cmyk");
  else image.flatten({ background: rgb(options.background ?? WHITE) });
  const { data, info } = await raw(image, name);
  const toRgb = header.inks ? inksToRgb : channelsToRgb;
  return {
    width: info.width,
    height: info.height,
    data: toRgb(data, info.channels),
  };
}

/**
 * Decodes an image to a square of RGB.
 *
 * @returns (size, size, 3), 0 to 255.
 * @throws {ImageError} As {@linkcode decodePixels}.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: DecodeOptions & FitOptions,
): Promise<Uint8Array> {
  const pixels = await decodePixels(bytes, name, options);
  return fitSquare(pixels, options).data;
}

interface Header {
  width: number;
  height: number;
  pixels: number;
  /** Whether the pixels are amounts of ink (CMYK). */
  inks: boolean;
}

async function readHeader(
  sharp: SharpConstructor,
  bytes: Uint8Array,
  name: string,
): Promise<Header> {
  const found = await attempt(
    name,
    // The limit is ours to check, with a message of ours.
    () => sharp(bytes, { limitInputPixels: false }).metadata(),
  );
  if (!FORMATS.has(found.format)) {
    throw new ImageError(
      `Cannot decode ${name}: got a file of type ${found.format}, wanted ${WANTED}`,
    );
  }
  const { width, height } = found;
  return {
    width,
    height,
    pixels: width * height,
    inks: found.space === "cmyk",
  };
}

async function raw(image: Sharp, name: string): Promise<{
  data: Uint8Array;
  info: { width: number; height: number; channels: number };
}> {
  return await attempt(
    name,
    () => image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true }),
  );
}

async function attempt<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = cause instanceof Error
      // libvips ends the first of several lines with a colon.
      ? cause.message.split("\n")[0].replace(/[\s:]+$/, "")
      : "no reason given";
    throw new ImageError(
      `Cannot decode ${name}: got bytes that do not decode (${reason}), wanted ${WANTED}`,
      { cause },
    );
  }
}

function rgb([r, g, b]: Colour): { r: number; g: number; b: number } {
  return { r, g, b };
}

/** Takes 1 or 3 channels, and drops what follows them. */
function channelsToRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) {
    return new Uint8Array(data.buffer, data.byteOffset, data.length);
  }
  const out = new Uint8Array(data.length / channels * 3);
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    out[to] = data[from];
    out[to + 1] = data[from + green];
    out[to + 2] = data[from + blue];
  }
  return out;
}

/** R = (1 − C)(1 − K), rounded as PIL's `convert("RGB")` does. */
function inksToRgb(data: Uint8Array, channels: number): Uint8Array {
  const out = new Uint8Array(data.length / channels * 3);
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    const light = 255 - data[from + 3];
    for (let c = 0; c < 3; c++) {
      const product = data[from + c] * light + 128;
      const absorbed = ((product >> 8) + product) >> 8;
      out[to + c] = Math.max(0, light - absorbed);
    }
  }
  return out;
}
