import type { Method } from "../core/methods/method.ts";
import { hinted } from "../core/errors.ts";
import { kebab } from "./flags.ts";
import type { Input } from "./input.ts";
import { methods } from "../core/methods/mod.ts";

/**
 * The options of a method that were typed, by their own names.
 *
 * @throws {RangeError} If an option of another method was typed.
 */
export function givenOptions(
  input: Input,
  method: Method,
): Record<string, string | number> {
  const own = typedOptions(input, method);
  for (const other of methods.values()) {
    for (const name of Object.keys(typedOptions(input, other))) {
      if (name in own) continue;
      throw hinted(
        new RangeError(
          `Cannot use --${kebab(name)}: got method ${method.name}, wanted ` +
            `${other.name}, whose option it is`,
        ),
        `--method ${other.name}`,
      );
    }
  }
  return own;
}

/** The options of a method that were typed, whatever else was. */
export function typedOptions(
  input: Input,
  method: Method,
): Record<string, string | number> {
  const given: Record<string, string | number> = {};
  for (const { name } of method.options) {
    const flag = kebab(name);
    if (!input.given(flag)) continue;
    const value = input.value(flag);
    if (typeof value !== "boolean" && value !== undefined) given[name] = value;
  }
  return given;
}
