import { hinted } from "../errors.ts";
import type { ModelConfig } from "../models/architectures.ts";
import type { VitConfig } from "../models/vit.ts";

/**
 * Refuses a model that a layout has no words for, which another program would
 * read as another model.
 *
 * @param layout What messages call the layout.
 * @param remedy What holds such a model.
 * @returns The sizes.
 * @throws {RangeError} If it is no ViT, or has registers, a norm before its
 * blocks, or another activation than GELU.
 */
export function requirePlainVit(
  config: ModelConfig,
  layout: string,
  remedy: string,
): VitConfig {
  const found = new Map<string, unknown>(Object.entries(config));
  const extras = [
    found.get("architecture") === "vit" ? "" : `${found.get("architecture")}`,
    found.get("registers") ? "register tokens" : "",
    found.get("preNorm") ? "a norm before its blocks" : "",
    (found.get("activation") ?? "gelu") === "gelu" ? "" : "quick GELU",
  ].filter(Boolean);
  if (config.architecture === "vit" && extras.length === 0) return config;
  throw hinted(
    new RangeError(
      `Cannot export the model as ${layout}: got ${extras.join(" and ")}, ` +
        "wanted a plain vision transformer",
    ),
    remedy,
  );
}
