import type { ModelConfig } from "../architectures.ts";
import type { Description } from "./checkpoint.ts";
import { resizePositions } from "./resize_positions.ts";

/** Where the architecture has embeddings of absolute positions. */
const POSITIONS = "pos_embed";

/**
 * The same checkpoint for images of another size: position embeddings are
 * resized to the new grid of patches, the tokens in front of it stay.
 *
 * @param imageSize In pixels; a multiple of the patch size.
 */
export function atImageSize(
  description: Description,
  imageSize: number,
): Description {
  const { config, recipe, notes = [] } = description;
  if (imageSize === config.imageSize) return description;
  const resized: ModelConfig = { ...config, imageSize };
  if (config.architecture !== "vit") return { ...description, config: resized };
  const from = config.imageSize / config.patchSize;
  const to = imageSize / config.patchSize;
  return {
    ...description,
    config: resized,
    recipe(tensor, shape) {
      if (tensor !== POSITIONS) return recipe(tensor, shape);
      const [, tokens, width] = shape;
      const prefix = tokens - to * to;
      const stored = recipe(tensor, [1, prefix + from * from, width]);
      return {
        ...stored,
        make: (parts, room) =>
          resizePositions(stored.make(parts, room), { prefix, from, to }),
      };
    },
    notes: [
      ...notes,
      `resized position embeddings from ${from} × ${from} to ${to} × ${to} ` +
      "patches",
    ],
  };
}
