import type { Method, MethodOptions } from "../core/methods/method.ts";
import { findMethod, methods, resolveOptions } from "../core/methods/mod.ts";
import type { ModelConfig } from "../core/models/architectures.ts";
import { modelShape } from "../core/models/architectures.ts";
import type { Input } from "./input.ts";
import { givenOptions, typedOptions } from "./method_options.ts";
import { messageOf, type Output } from "./output.ts";

/** A method with every option. */
export interface ChosenMethod {
  readonly method: Method;
  readonly options: MethodOptions;
}

/** A method that does not fit the backbone, and why. */
export interface RefusedMethod {
  readonly method: string;
  readonly refused: string;
}

/**
 * The method that was asked for or, without `--method`, every one that the
 * backbone takes, and those that it does not.
 *
 * @throws {RangeError} If an option is out of range, or the method asked for
 * does not fit the backbone.
 */
export function chooseMethods(
  input: Input,
  config: ModelConfig,
): { chosen: ChosenMethod[]; refused: RefusedMethod[] } {
  const model = modelShape(config);
  const only = input.textOr("method");
  if (only !== undefined) {
    const method = findMethod(only);
    const given = givenOptions(input, method);
    const options = resolveOptions(method, given, model);
    return { chosen: [{ method, options }], refused: [] };
  }
  const chosen: ChosenMethod[] = [];
  const refused: RefusedMethod[] = [];
  for (const method of methods.values()) {
    const typed = typedOptions(input, method);
    // What no model takes is a mistake of the caller, not of the backbone.
    resolveOptions(method, typed);
    try {
      const options = resolveOptions(method, typed, model);
      chosen.push({ method, options });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refused.push({ method: method.name, refused: messageOf(error) });
    }
  }
  return { chosen, refused };
}

/** Says which methods a backbone does not take. */
export function printRefused(
  refused: readonly RefusedMethod[],
  output: Output,
): void {
  if (refused.length === 0) return;
  output.print();
  output.print("Left out:");
  const width = Math.max(...refused.map(({ method }) => method.length));
  for (const { method, refused: reason } of refused) {
    output.print(`  ${method.padEnd(width)}  ${reason}`);
  }
}
