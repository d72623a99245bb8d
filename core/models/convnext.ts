/**
 * ConvNeXt with timm's semantics and tensor names.
 *
 *     x = norm(conv(images))                         the stem, patches of 4
 *     x = conv(norm(x))                              by 2, before later stages
 *     x = x + gamma · fc2(gelu(fc1(norm(conv_dw(x)))))      in every block
 *     logits = fc(norm(mean(x)))
 *
 * Maps are kept channels-last, so that every convolution but the depthwise one
 * is a linear layer.
 *
 * A block is one branch of kind `mlp`; there is no attention. What a method puts
 * before a branch stands before fc1 and not before conv_dw: a dense linear map
 * before a depthwise convolution does not fold into it, since it joins channels
 * and the folded convolution could not stay depthwise.
 *
 * Source: Liu et al., A ConvNet for the 2020s, 2022.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import type { BlockShape, ModelShape } from "../methods/method.ts";
import { depthwiseConv } from "../ops/depthwise_conv.ts";
import { meanTokens } from "../ops/mean_tokens.ts";
import { patches } from "../ops/patches.ts";
import { scaleShift } from "../ops/scale_shift.ts";
import { spaceToDepth } from "../ops/space_to_depth.ts";
import { swapAxes } from "../ops/transpose.ts";
import type {
  Architecture,
  BackboneTensor,
  ImageConfig,
  Trace,
} from "./architecture.ts";
import { checkEps, checkWhole, refuse } from "./check_sizes.ts";
import { addBranch, linearLayer, normLayer, TensorList } from "./layers.ts";

/** Side of the depthwise convolutions. */
const KERNEL = 7;

/** Sizes of a ConvNeXt. */
export interface ConvNextConfig extends ImageConfig {
  /** Tells it from the sizes of other architectures. */
  readonly architecture: "convnext";
  /** Height and width of the stem's patches, in pixels. */
  readonly patchSize: number;
  /** Channels of each stage, multiples of 4. */
  readonly widths: readonly number[];
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Of every layer norm; timm uses 1e-6. */
  readonly eps: number;
}

/** The architecture. */
export const convnext: Architecture<ConvNextConfig> = {
  name: "convnext",
  check,
  tensors,
  shape,
  trace,
};

function check(config: ConvNextConfig): void {
  const { architecture: _, eps, ...sizes } = config;
  checkWhole(sizes);
  checkEps(eps);
  const { imageSize, patchSize, widths, depths } = config;
  if (widths.length !== depths.length) {
    refuse(
      `${widths.length} widths and ${depths.length} depths`,
      "one of each for every stage",
    );
  }
  const odd = widths.find((width) => width % 4 !== 0);
  if (odd !== undefined) refuse(`width ${odd}`, "a multiple of 4");
  if (imageSize % patchSize !== 0) {
    refuse(
      `image size ${imageSize} and patch size ${patchSize}`,
      "a multiple of the patch size",
    );
  }
  const smallest = patchSize * 2 ** (depths.length - 1);
  if (imageSize < smallest) {
    refuse(`image size ${imageSize}`, `at least ${smallest}`);
  }
}

function tensors(config: ConvNextConfig): Map<string, BackboneTensor> {
  const { widths, depths, channels, patchSize, classes } = config;
  const list = new TensorList();
  list.layer("stem.0", [widths[0], channels, patchSize, patchSize]);
  list.norm("stem.1", widths[0]);
  for (const [stage, width] of widths.entries()) {
    if (stage > 0) {
      const before = widths[stage - 1];
      list.norm(`stages.${stage}.downsample.0`, before);
      list.layer(`stages.${stage}.downsample.1`, [width, before, 2, 2]);
    }
    for (let block = 0; block < depths[stage]; block++) {
      const name = `stages.${stage}.blocks.${block}`;
      list.put(`${name}.gamma`, [width], { kind: "constant", value: 1e-6 });
      list.layer(`${name}.conv_dw`, [width, 1, KERNEL, KERNEL]);
      list.norm(`${name}.norm`, width);
      list.layer(`${name}.mlp.fc1`, [4 * width, width]);
      list.layer(`${name}.mlp.fc2`, [width, 4 * width]);
    }
  }
  const width = widths[widths.length - 1];
  list.norm("head.norm", width);
  list.layer("head.fc", [classes, width]);
  return list.tensors;
}

function shape(config: ConvNextConfig): ModelShape {
  const { widths, depths } = config;
  const blocks = depths.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, block): BlockShape => {
      const name = `stages.${stage}.blocks.${block}`;
      return {
        name,
        width: widths[stage],
        branches: [{
          name: `${name}.mlp`,
          kind: "mlp",
          norm: `${name}.norm`,
          first: `${name}.mlp.fc1`,
          last: `${name}.mlp.fc2`,
        }],
      };
    })
  );
  const sizes = [...tensors(config)].map(([name, { shape }]) =>
    [name, shape] as const
  );
  const width = widths[widths.length - 1];
  return { width, head: "head.fc", blocks, tensors: new Map(sizes) };
}

function trace(trace: Trace<ConvNextConfig>): Value {
  const { config: { patchSize, depths, eps }, images } = trace;
  let x = linearLayer(trace, "stem.0", patches(images, patchSize));
  x = normLayer(trace, "stem.1", x, eps);
  let index = 0;
  for (const [stage, depth] of depths.entries()) {
    if (stage > 0) {
      const name = `stages.${stage}.downsample`;
      const normal = normLayer(trace, `${name}.0`, x, eps);
      const squares = { patch: 2, order: "convolution" } as const;
      x = linearLayer(trace, `${name}.1`, spaceToDepth(normal, squares));
    }
    for (let block = 0; block < depth; block++, index++) {
      x = traceBlock(trace, `stages.${stage}.blocks.${block}`, x, index);
    }
  }
  const features = normLayer(trace, "head.norm", meanTokens(x), eps);
  return linearLayer(trace, "head.fc", features);
}

function traceBlock(
  trace: Trace<ConvNextConfig>,
  name: string,
  x: Value,
  index: number,
): Value {
  const { config: { eps }, tensor } = trace;
  return addBranch(trace, { name: `${name}.mlp`, index }, x, ({ residual }) => {
    const mixed = depthwiseLayer(trace, `${name}.conv_dw`, x);
    const normal = normLayer(trace, `${name}.norm`, mixed, eps);
    const gelu = { activation: "gelu" } as const;
    const hidden = linearLayer(trace, `${name}.mlp.fc1`, normal, gelu);
    const y = linearLayer(trace, `${name}.mlp.fc2`, hidden);
    return scaleShift(y, tensor(`${name}.gamma`), undefined, residual);
  });
}

function depthwiseLayer(
  { tensor, hooks }: Trace<ConvNextConfig>,
  module: string,
  x: Value,
): Value {
  const stored = tensor(`${module}.weight`);
  const [width] = stored.shape;
  const { graph } = x;
  // Taps in front, so that the channels of a tap lie side by side.
  const turned = swapAxes(graph.reshape(stored, [width, KERNEL ** 2, 1]));
  const weight = graph.reshape(turned, [KERNEL ** 2, width]);
  const y = depthwiseConv(x, weight, tensor(`${module}.bias`));
  return hooks.output?.(module)?.(y, x) ?? y;
}
