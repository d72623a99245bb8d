/**
 * The golden cases in a folder.
 *
 * @module
 */

import { methods } from "../../core/methods/mod.ts";
import { parseSafetensors } from "../../core/weights/safetensors.ts";

export { type GoldenCheck, runGolden } from "./golden_case.ts";

const FIXTURES = new URL("../fixtures/golden/", import.meta.url);

/** A case that can be run if its method exists. */
export interface GoldenCase {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  /** Whether the method is in the registry. */
  readonly known: boolean;
}

/**
 * Lists the cases in a folder, by name; the committed ones by default.
 *
 * @throws {RangeError} If the folder has none.
 */
export function goldenCases(folder: string | URL = FIXTURES): GoldenCase[] {
  const base = folder instanceof URL ? folder.pathname : folder;
  const cases = [...Deno.readDirSync(folder)]
    .filter(({ name }) => name.endsWith(".safetensors"))
    .map(({ name }) => {
      const path = `${base.replace(/\/$/, "")}/${name}`;
      const { metadata } = parseSafetensors(Deno.readFileSync(path), path);
      const method = String(JSON.parse(metadata.config ?? "{}").method?.type);
      const known = methods.has(method);
      return { name: name.replace(".safetensors", ""), path, method, known };
    })
    .sort((a, b) => a.name < b.name ? -1 : 1);
  if (cases.length > 0) return cases;
  throw new RangeError(
    `Cannot find golden cases: got no .safetensors file in ${base}`,
  );
}
