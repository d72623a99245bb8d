/**
 * What `adapter.safetensors` says of itself, in strings.
 *
 * @module
 */

import type { RunConfig } from "./run_config.ts";

/** The `format` of adapters. */
export const ADAPTER_FORMAT = "alore-adapter";

/**
 * Metadata of a trained adapter: everything that using or folding it needs
 * besides the backbone. `docs/adapter_format.md` says what each is.
 *
 * @param epoch After which it was saved.
 */
export function adapterMetadata(
  { method, options, model, preprocess, backbone, classes, data }: RunConfig,
  epoch: number,
): Record<string, string> {
  return {
    format: ADAPTER_FORMAT,
    method,
    options: JSON.stringify(options),
    model: JSON.stringify(model),
    preprocess: JSON.stringify(preprocess),
    resize: JSON.stringify(data.resize),
    backbone: JSON.stringify(backbone),
    classes: JSON.stringify(classes),
    epoch: String(epoch),
  };
}
