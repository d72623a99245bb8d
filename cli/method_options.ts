import type { Method } from "../core/methods/method.ts";
import { kebab } from "./flags.ts";
import type { Input } from "./input.ts";

/** Options of methods that were typed, by their own names. */
export function givenOptions(
  input: Input,
  methods: Iterable<Method>,
): Record<string, string | number> {
  const given: Record<string, string | number> = {};
  for (const { name } of [...methods].flatMap(({ options }) => options)) {
    const flag = kebab(name);
    if (!input.given(flag)) continue;
    const value = input.value(flag);
    if (typeof value !== "boolean" && value !== undefined) given[name] = value;
  }
  return given;
}
