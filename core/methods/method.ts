/**
 * What a fine-tuning method is: its tensors, where it touches the model, and how
 * it folds away. Models know these hooks, never a method.
 *
 * @module
 */

import type { Shape, Value } from "../graph/graph.ts";

/** Resolved options of a method, by name. */
export type MethodOptions = Readonly<Record<string, number | string>>;

/** An option of a method; command line flags and checks derive from it. */
export interface OptionSpec {
  /** As on the command line without the dashes. */
  readonly name: string;
  /** What values it takes; a list is some of the choices, as `q,v`. */
  readonly kind: "integer" | "number" | "choice" | "list";
  /** The value it has unless told otherwise. */
  readonly default: number | string;
  /** The default on models that the usual one does not fit; else `undefined`. */
  defaultFor?(model: ModelShape): number | string | undefined;
  /** Smallest value allowed, for numbers. */
  readonly minimum?: number;
  /** Values must stay below this, for numbers. */
  readonly below?: number;
  /** Values allowed, for choices and lists. */
  readonly choices?: readonly string[];
  /** One line for people. */
  readonly help: string;
}

/** How a tensor starts. */
export type Init =
  | { readonly kind: "constant"; readonly value: number }
  /** Around the mean, which is 0 where left out. */
  | { readonly kind: "normal"; readonly std: number; readonly mean?: number }
  /** Normal with the tails beyond two standard deviations drawn again. */
  | { readonly kind: "truncated_normal"; readonly std: number }
  /** Uniform in ±bound. */
  | { readonly kind: "uniform"; readonly bound: number };

/** A tensor that a method adds, which trains unless it says not; the name starts with `adapter.`. */
export interface MethodTensor {
  /** Full name, such as `adapter.blocks.0.attn.down`. */
  readonly name: string;
  /** Sizes, outermost first. */
  readonly shape: Shape;
  /** How it starts. */
  readonly init: Init;
  /** It keeps its start: stored with the adapter, not counted, not trained. */
  readonly fixed?: boolean;
}

/** A residual branch of a block: `x + last(… first(norm(x)))`. */
export interface BranchShape {
  /** Such as `blocks.0.attn`; names of a method's tensors are built on it. */
  readonly name: string;
  /** What it computes. */
  readonly kind: "attn" | "mlp";
  /** Its normalisation, such as `blocks.0.norm1`. */
  readonly norm: string;
  /** The linear layer that the normalised stream enters: qkv, or fc1. */
  readonly first: string;
  /** The linear layer that it ends with: proj, or fc2. */
  readonly last: string;
}

/** A block of the model. */
export interface BlockShape {
  /** Such as `blocks.0`. */
  readonly name: string;
  /** Features per token in this block. */
  readonly width: number;
  /** Its residual branches, in order. */
  readonly branches: readonly BranchShape[];
}

/** What a method may know of the model. */
export interface ModelShape {
  /** Features that enter the head. */
  readonly width: number;
  /** The classifier, such as `head`; it is new for every task and trains. */
  readonly head: string;
  /** Blocks in order; widths may differ between them. */
  readonly blocks: readonly BlockShape[];
  /** Backbone tensors by name, the head included. */
  readonly tensors: ReadonlyMap<string, Shape>;
}

/** Whether a backbone tensor belongs to the classifier. */
export function isHead(model: ModelShape, tensor: string): boolean {
  return tensor.startsWith(`${model.head}.`);
}

/**
 * Where a method touches the forward pass. Modules carry timm's names without
 * `.weight`, such as `blocks.0.attn.qkv`.
 */
export interface Hooks {
  /** Changes what enters a linear layer. */
  input?(module: string, x: Value): Value;
  /** Changes what leaves a layer; `undefined` leaves it alone. */
  output?(module: string): ((y: Value, x: Value) => Value) | undefined;
  /**
   * Changes a residual branch (`blocks.0.attn`, `blocks.0.mlp`) before it is
   * added to the stream that entered it; `undefined` leaves it alone.
   */
  branch?(name: string): ((y: Value, stream: Value) => Value) | undefined;
  /** Changes the tokens that enter a block. */
  tokens?(block: number, x: Value): Value;
}

/** What hooks are built from. */
export interface HookContext {
  /** The method's options, all resolved. */
  readonly options: MethodOptions;
  /** The model that the method is on. */
  readonly model: ModelShape;
  /** A tensor of the method by its full name. */
  tensor(name: string): Value;
  /**
   * Applies dropout while training; the identity otherwise.
   *
   * @param group Elements in a row that go together, default 1.
   */
  dropout(x: Value, rate: number, group?: number): Value;
}

/** What folding is done from; all numbers are on the host. */
export interface MergeContext {
  /** The method's options, all resolved. */
  readonly options: MethodOptions;
  /** The model that the method is on. */
  readonly model: ModelShape;
  /** A method tensor by its full name. */
  tensor(name: string): Float32Array;
  /** A backbone tensor by its name. */
  backbone(name: string): Float32Array;
}

/** A fine-tuning method. */
export interface Method {
  /** As on the command line, such as `alore`. */
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** Paper or code that it follows. */
  readonly source: string;
  /** Peak learning rate where none is given, > 0; the file says where from. */
  readonly lr: number;
  /** Its options, in the order of the help. */
  readonly options: readonly OptionSpec[];
  /**
   * Checks options against a model, beyond what their specs say.
   *
   * @throws {RangeError} If they do not fit.
   */
  check?(options: MethodOptions, model: ModelShape): void;
  /** Which backbone tensors train besides the head, which always does. */
  trains(tensor: string): boolean;
  /** The tensors that the method adds. */
  tensors(options: MethodOptions, model: ModelShape): MethodTensor[];
  /** Its part in the forward pass. */
  hooks(context: HookContext): Hooks;
  /**
   * Folds the method into the backbone.
   *
   * @returns The backbone tensors that change; absent if it cannot fold.
   */
  merge?(context: MergeContext): Map<string, Float32Array>;
  /** Why it cannot fold, such as `whose ReLU is not linear`. */
  readonly unmergeable?: string;
}
