/**
 * What timm calls models and their sizes.
 *
 * @module
 */

import type { ModelConfig } from "../models/architectures.ts";
import type { ConvNextConfig } from "../models/convnext.ts";
import type { SwinConfig } from "../models/swin.ts";
import type { VitConfig } from "../models/vit.ts";

/** What timm calls the parts of a model. */
export interface TimmParts {
  /** The entry point that makes it; the sizes say what differs from it. */
  readonly entry: string;
  readonly pool: "token" | "avg";
  /** The first convolution. */
  readonly first: string;
  readonly sizes: Readonly<Record<string, unknown>>;
}

/**
 * Names a model as timm does.
 *
 * @throws {RangeError} If its layer norms add what none of timm's do.
 */
export function partsOf(config: ModelConfig): TimmParts {
  switch (config.architecture) {
    case "vit":
      return vitParts(config);
    case "swin":
      requireEps(config, 1e-5);
      return swinParts(config);
    case "convnext":
      requireEps(config, 1e-6);
      return convnextParts(config);
  }
}

/** timm's entries differ in eps, and no argument in a file can change it. */
function requireEps({ eps }: ModelConfig, largest: number): void {
  if (eps <= largest) return;
  throw new RangeError(
    `Cannot export the model as timm: got layer norms with eps ${eps}, ` +
      `wanted at most ${largest}, which timm's have`,
  );
}

function vitParts(config: VitConfig): TimmParts {
  const { imageSize, patchSize, channels, width, eps } = config;
  const { registers, preNorm = false } = config;
  requireEps(config, 1e-5);
  // A smaller eps, such as Hugging Face's 1e-12, only matters where a token's
  // variance is as small.
  const isClip = eps > 1e-6;
  const quick = config.activation === "quick_gelu";
  return {
    entry: isClip ? clipEntry(config, quick) : plainEntry(config),
    pool: "token",
    first: "patch_embed.proj",
    sizes: {
      ["img_size"]: imageSize,
      ["patch_size"]: patchSize,
      ["in_chans"]: channels,
      ["embed_dim"]: width,
      depth: config.depth,
      ["num_heads"]: config.heads,
      ["mlp_ratio"]: config.mlpHidden / width,
      ...registers ? { ["reg_tokens"]: registers } : {},
      ...preNorm || isClip ? { ["pre_norm"]: preNorm } : {},
      ...quick ? { ["act_layer"]: "quick_gelu" } : {},
    },
  };
}

/** Entries whose layer norms have an eps of 1e-6. */
function plainEntry({ width, patchSize }: VitConfig): string {
  const known = new Map([
    [192, "tiny"],
    [384, "small"],
    [768, "base"],
    [1024, "large"],
    [1280, "huge"],
  ]);
  const size = known.get(width) ?? "base";
  if (size === "tiny") return "vit_tiny_patch16_224";
  const patch = size === "huge" ? 14 : patchSize === 32 ? 32 : 16;
  return `vit_${size}_patch${patch}_224`;
}

/** Entries whose layer norms have an eps of 1e-5. */
function clipEntry({ width, patchSize }: VitConfig, quick: boolean): string {
  const kind = quick ? "clip_quickgelu" : "clip";
  const model = width === 1024
    ? "large_patch14"
    : `base_patch${patchSize === 32 ? 32 : 16}`;
  return `vit_${model}_${kind}_224`;
}

function swinParts(config: SwinConfig): TimmParts {
  const { width, depths } = config;
  const size = width > 96 ? "base" : depths[2] > 6 ? "small" : "tiny";
  return {
    entry: `swin_${size}_patch4_window7_224`,
    pool: "avg",
    first: "patch_embed.proj",
    sizes: {
      ["img_size"]: config.imageSize,
      ["patch_size"]: config.patchSize,
      ["in_chans"]: config.channels,
      ["embed_dim"]: width,
      depths,
      ["num_heads"]: config.heads,
      ["window_size"]: config.window,
      ["mlp_ratio"]: config.mlpRatio,
    },
  };
}

function convnextParts(config: ConvNextConfig): TimmParts {
  const { widths, depths } = config;
  const size = widths[0] > 96 ? "base" : depths[2] > 9 ? "small" : "tiny";
  return {
    entry: `convnext_${size}`,
    pool: "avg",
    first: "stem.0",
    sizes: {
      ["in_chans"]: config.channels,
      ["patch_size"]: config.patchSize,
      dims: widths,
      depths,
    },
  };
}
