/**
 * Sizes of a vision transformer that its tensors tell, and those that they do
 * not.
 *
 * @module
 */

import { hinted } from "../../errors.ts";
import type { VitConfig } from "../vit.ts";
import type { Checkpoint } from "./checkpoint.ts";

/** Widths whose heads are not 64 wide. Source: Zhai et al., Scaling Vision
 * Transformers, 2022, and timm's table of models for 1152. */
const HEADS: ReadonlyMap<number, number> = new Map([
  [1152, 16],
  [1280, 16],
  [1408, 16],
  [1664, 16],
]);

/** What {@linkcode vitSizes} is told. */
export interface VitSizes {
  /** Shape of the convolution that cuts patches, `[width, channels, p, p]`. */
  readonly patch: readonly number[];
  /** Tokens with a position, the class token left out. */
  readonly positions: number;
  readonly depth: number;
  readonly mlpHidden: number;
  /** As the checkpoint states them; left out, they follow from the width. */
  readonly heads?: number;
  /** As the configuration beside the checkpoint states it. */
  readonly statedWidth?: number;
  /** Of the head in the file, if there is one. */
  readonly classes?: number;
  readonly eps: number;
}

/**
 * Puts a configuration together.
 *
 * @throws {RangeError} If the positions are no square grid, patches are not
 * square, the number of heads is unknown, or the configuration is another
 * model's.
 */
export function vitSizes({ path }: Checkpoint, sizes: VitSizes): VitConfig {
  const { positions, depth, mlpHidden, classes = 1, eps } = sizes;
  const [width, channels, patchSize, across] = sizes.patch;
  if (sizes.statedWidth !== undefined && sizes.statedWidth !== width) {
    throw hinted(
      new RangeError(
        `Cannot read the backbone ${path}: got tensors of width ${width} ` +
          `beside a config.json of width ${sizes.statedWidth}, wanted the ` +
          "configuration of the same model",
      ),
      "put the weights into a folder with their own config.json, or none",
    );
  }
  const grid = Math.round(Math.sqrt(positions));
  if (grid < 1 || grid ** 2 !== positions || patchSize !== across) {
    throw new RangeError(
      `Cannot read the backbone ${path}: got ${positions} positions and ` +
        `patches of ${patchSize} × ${across}, wanted a square grid of squares`,
    );
  }
  const heads = sizes.heads ?? HEADS.get(width) ?? width / 64;
  if (!Number.isInteger(heads)) {
    throw hinted(
      new RangeError(
        `Cannot read the backbone ${path}: got width ${width} and no number ` +
          `of heads, wanted one to be stated where heads are not 64 wide`,
      ),
      "config.json beside the file may state it: num_attention_heads, or " +
        "num_heads under model_args",
    );
  }
  return {
    architecture: "vit",
    imageSize: grid * patchSize,
    patchSize,
    channels,
    width,
    depth,
    heads,
    mlpHidden,
    classes,
    eps,
  };
}
