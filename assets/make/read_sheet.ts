/** Reads an artist's emoji sheet out of its package. */

import { withSharp } from "../../core/data/sharp.ts";
import type { Sheet } from "./emoji.ts";

/**
 * Decodes the sheet of 64-pixel emoji with its transparency; "clean" means that
 * it holds no other artist's drawing where one is missing.
 *
 * @param modules A `node_modules` with the artist's package.
 */
export async function readSheet(
  modules: string,
  artist: "google" | "twitter",
): Promise<Sheet> {
  const bytes = await Deno.readFile(
    `${modules}/emoji-datasource-${artist}/img/${artist}/sheets-clean/64.png`,
  );
  const { data, info } = await withSharp((sharp) =>
    sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  );
  return { width: info.width, pixels: data };
}
