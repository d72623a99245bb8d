/**
 * The registry of layouts of adapters: a new one is one file, its test, and one
 * line here.
 *
 * @module
 */

import { aloreAdapter } from "./alore_adapter.ts";
import type { AdapterFormat } from "./adapter_format.ts";
import { peftAdapter } from "./peft_adapter.ts";

/** Every layout by its name. */
export const adapterFormats: ReadonlyMap<string, AdapterFormat> = new Map(
  [peftAdapter, aloreAdapter].map((format) => [format.name, format]),
);
