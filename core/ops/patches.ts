/**
 * Cuts images into patches, so that a patch embedding is a linear layer.
 *
 * Shapes: images `[batch, channels, size, size]`; y
 * `[batch, (size / patch)², channels · patch²]`, patches in row-major order,
 * inside a patch channel, row, column: the order of a convolution's weight.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op images → patches. */
export const patchesOp: Op = {
  name: "patches",
  outputs([images], attributes): Shape[] {
    const { batch, channels, size, patch } = attributes;
    checkCounts("cut patches", [images], [
      ["images", batch * channels * size * size],
    ]);
    if (size % patch !== 0) {
      throw new TypeError(
        `Cannot cut patches: got image size ${size} and patch size ${patch}, ` +
          `wanted the patch to divide the image`,
      );
    }
    return [[batch, (size / patch) ** 2, channels * patch * patch]];
  },
  reference([images], attributes): Float64Array[] {
    const x = present(images);
    return [Float64Array.from(pixelOrder(attributes), (pixel) => x[pixel])];
  },
  gradient(node, [dy]) {
    const [images] = node.inputs;
    if (!dy || !images) return [];
    const [dx] = dy.graph.apply(unpatchesOp, [dy], node.attributes);
    return [dx];
  },
};

/** The op patches → images, the inverse. */
export const unpatchesOp: Op = {
  name: "unpatches",
  outputs([y], { batch, channels, size }): Shape[] {
    checkCounts("join patches", [y], [
      ["patches", batch * channels * size * size],
    ]);
    return [[batch, channels, size, size]];
  },
  reference([y], attributes): Float64Array[] {
    const values = present(y);
    const images = new Float64Array(values.length);
    for (const [i, pixel] of pixelOrder(attributes).entries()) {
      images[pixel] = values[i];
    }
    return [images];
  },
};

/** For each element of the patches, the index of its pixel. */
function pixelOrder(attributes: Attributes): number[] {
  const { batch, channels, size, patch } = attributes;
  const grid = size / patch;
  const order: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let n = 0; n < grid * grid; n++) {
      const [top, left] = [Math.floor(n / grid) * patch, (n % grid) * patch];
      for (let c = 0; c < channels; c++) {
        for (let y = top; y < top + patch; y++) {
          for (let x = left; x < left + patch; x++) {
            order.push(((b * channels + c) * size + y) * size + x);
          }
        }
      }
    }
  }
  return order;
}

/**
 * Cuts images into patches.
 *
 * @param images `[batch, channels, size, size]`.
 * @param patch Divides the size.
 * @returns `[batch, (size / patch)², channels · patch²]`.
 * @throws {TypeError} If the patch does not divide the size.
 */
export function patches(images: Value, patch: number): Value {
  const [batch, channels, size] = images.shape;
  const attributes = { batch, channels, size, patch };
  return images.graph.apply(patchesOp, [images], attributes)[0];
}
