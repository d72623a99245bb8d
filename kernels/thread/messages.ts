/**
 * What crosses the border between an engine on a thread of its own and its user.
 *
 * @module
 */

import {
  DeviceError,
  type Engine,
  type EngineLimits,
  type HalfOperands,
  type HostArray,
  type Plan,
  type RunProfile,
} from "../engine.ts";
import type { CheckedOptions } from "../open_webgpu.ts";
import type { AdapterReport } from "../webgpu/adapter.ts";
import type { MatmulVariant } from "../webgpu/matmul_variant.ts";

/** A plan whose memories are the numbers that their user gave them. */
export type SentPlan = Omit<Plan, "memories"> & {
  readonly memories: readonly number[];
};

/**
 * Without `id` there is no answer; engines, memories and programs have numbers.
 * A thread has one engine at a time.
 */
export type Request =
  | { readonly kind: "find"; readonly id: number }
  | {
    readonly kind: "open";
    readonly id: number;
    readonly engine: number;
    readonly options: CheckedOptions;
  }
  | {
    readonly kind: "allocate";
    readonly memory: number;
    readonly bytes: number;
    readonly label: string;
  }
  | {
    readonly kind: "write";
    readonly memory: number;
    readonly data: ArrayBuffer;
    readonly offset: number;
  }
  | {
    readonly kind: "read";
    readonly id: number;
    readonly memory: number;
    readonly offset: number;
    readonly bytes: number;
  }
  | { readonly kind: "free"; readonly memory: number }
  | {
    readonly kind: "choose";
    readonly key: string;
    readonly variant: MatmulVariant | undefined;
  }
  | {
    readonly kind: "compile";
    readonly id: number;
    readonly program: number;
    readonly plan: SentPlan;
  }
  | Run<"run">
  | Run<"profile">
  | { readonly kind: "drop"; readonly program: number }
  | { readonly kind: "computed"; readonly id: number }
  | { readonly kind: "close"; readonly id: number };

/** A request of a kind. */
export type Asked<K> = Extract<Request, { readonly kind: K }>;

/** A request that is not answered. */
export type Order = Exclude<Request, { readonly id: number }>;

/** Runs a program. */
interface Run<K> {
  readonly kind: K;
  readonly id: number;
  readonly program: number;
  /** As `RunInputs` has them. */
  readonly inputs: SharedArrayBuffer;
}

/** What answers are. */
export interface Answers {
  /** The adapter, if there is one. */
  find: AdapterReport | undefined;
  open: Opened;
  read: ArrayBuffer;
  compile: { readonly profiles: boolean };
  run: Record<string, HostArray>;
  profile: RunProfile;
  computed: void;
  close: void;
}

/** An answer, or the failure of an engine's request that has none. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SentError }
  | { readonly engine: number; readonly error: SentError };

/** What the user of an engine has to know of it. */
export interface Opened extends Pick<Engine, "name" | "description"> {
  readonly limits: EngineLimits;
  readonly staleTuning?: string;
  /** Of the kernels that may have some, where the engine stores f16. */
  readonly half?: ReadonlyMap<string, HalfOperands>;
}

/** The part of an error that a structured clone would lose. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly outOfMemory?: boolean;
  readonly hint?: string;
}

/** Packs what was thrown. */
export function packError(thrown: unknown): SentError {
  if (!(thrown instanceof Error)) {
    return { name: "Error", message: String(thrown) };
  }
  const { name, message } = thrown;
  const { hint } = thrown as { hint?: string };
  return thrown instanceof DeviceError
    ? { name, message, hint, outOfMemory: thrown.outOfMemory }
    : { name, message, hint };
}

/** Makes the error that was packed. */
export function unpackError(
  { name, message, outOfMemory, hint }: SentError,
): Error {
  const error = name === "DeviceError"
    ? new DeviceError(message, { outOfMemory })
    : name === "TypeError"
    ? new TypeError(message)
    : name === "RangeError"
    ? new RangeError(message)
    : new Error(message);
  return hint === undefined ? error : Object.assign(error, { hint });
}
