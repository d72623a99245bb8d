/**
 * The two linear layers with something between them that adapters are made of.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import { add } from "../ops/elementwise.ts";
import { product } from "../ops/matmul.ts";
import type {
  BranchShape,
  HookContext,
  Init,
  MethodTensor,
  ModelShape,
} from "./method.ts";

/** A residual branch and the width of the stream it is on. */
export interface Site extends BranchShape {
  /** Features per token. */
  readonly width: number;
}

/** Every residual branch of the kinds given, in order. */
export function branchSites(
  { blocks }: ModelShape,
  ...kinds: BranchShape["kind"][]
): Site[] {
  return blocks.flatMap(({ width, branches }) =>
    branches.filter(({ kind }) => kinds.includes(kind))
      .map((branch) => ({ ...branch, width }))
  );
}

/** Xavier uniform, as PyTorch's `xavier_uniform_`. */
export function xavier(fanIn: number, fanOut: number): Init {
  return { kind: "uniform", bound: Math.sqrt(6 / (fanIn + fanOut)) };
}

/** All zeros. */
export const ZEROS: Init = { kind: "constant", value: 0 };

/** How the tensors of a bottleneck start. */
export interface BottleneckInit {
  readonly down: Init;
  readonly up: Init;
  readonly bias: Init;
}

/**
 * The tensors of one bottleneck: down `[width, hidden]`, up `[hidden, width]`,
 * and their biases.
 */
export function bottleneckTensors(
  { name, width }: Site,
  hidden: number,
  init: BottleneckInit,
): MethodTensor[] {
  const at = `adapter.${name}`;
  return [
    { name: `${at}.down`, shape: [width, hidden], init: init.down },
    { name: `${at}.down_bias`, shape: [hidden], init: init.bias },
    { name: `${at}.up`, shape: [hidden, width], init: init.up },
    { name: `${at}.up_bias`, shape: [width], init: init.bias },
  ];
}

/**
 * Adds a bottleneck: base + s · (dropout(act(x down + b)) up + c), with the
 * options `scale` for s and `dropout`.
 *
 * @param site The branch whose tensors are used.
 * @param x What enters it, `[…, width]`.
 * @param base What it is added to, shaped like x.
 */
export function addBottleneck(
  { options, tensor, dropout }: HookContext,
  site: string,
  { x, base, activate }: {
    x: Value;
    base: Value;
    activate: (z: Value) => Value;
  },
): Value {
  const [s, rate] = [Number(options.scale), Number(options.dropout)];
  const [down, downBias, up, upBias] = ["down", "down_bias", "up", "up_bias"]
    .map((name) => tensor(`adapter.${site}.${name}`));
  const z = dropout(activate(product(x, down, { bias: downBias })), rate);
  const y = product(z, up, {
    alpha: s,
    bias: s === 1 ? upBias : add(upBias, upBias, s - 1),
    residual: base,
  });
  return x.graph.reshape(y, base.shape);
}
