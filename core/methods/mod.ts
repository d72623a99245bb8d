/**
 * The registry of methods: a new method is one file, its test row, and one line
 * here.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { adapter } from "./adapter.ts";
import { adaptformer } from "./adaptformer.ts";
import { alore } from "./alore.ts";
import { arc } from "./arc.ts";
import { bitfit } from "./bitfit.ts";
import { compacter } from "./compacter.ts";
import { consolidator } from "./consolidator.ts";
import { factTk } from "./fact_tk.ts";
import { factTt } from "./fact_tt.ts";
import { full } from "./full.ts";
import { linearProbe } from "./linear.ts";
import { lora } from "./lora.ts";
import { repadapter } from "./repadapter.ts";
import { ssf } from "./ssf.ts";
import type {
  Method,
  MethodOptions,
  ModelShape,
  OptionSpec,
} from "./method.ts";
import { vptDeep, vptShallow } from "./vpt.ts";

/** Every method by its name. */
export const methods: ReadonlyMap<string, Method> = new Map(
  [
    adapter,
    adaptformer,
    alore,
    arc,
    bitfit,
    compacter,
    consolidator,
    factTk,
    factTt,
    full,
    linearProbe,
    lora,
    repadapter,
    ssf,
    vptDeep,
    vptShallow,
  ].map((method) => [method.name, method]),
);

/**
 * Finds a method.
 *
 * @throws {RangeError} If there is none of that name; the hint has the nearest.
 */
export function findMethod(name: string): Method {
  const method = methods.get(name);
  if (method) return method;
  throw hinted(
    new RangeError(
      `Cannot find the method: got "${name}", wanted one of ` +
        [...methods.keys()].join(", "),
    ),
    `did you mean ${nearest(name, [...methods.keys()])}?`,
  );
}

/**
 * Fills in defaults and checks every option of a method.
 *
 * @param given By name; names that the method does not have are refused.
 * @param model The model it will adapt; left out, only the specs are checked,
 * and defaults are the usual ones.
 * @throws {RangeError} If a name is unknown or a value out of range.
 */
export function resolveOptions(
  method: Method,
  given: Readonly<Record<string, unknown>>,
  model?: ModelShape,
): MethodOptions {
  const known = new Map(method.options.map((option) => [option.name, option]));
  for (const name of Object.keys(given)) {
    if (known.has(name)) continue;
    throw new RangeError(
      `Cannot configure ${method.name}: got option "${name}", wanted ` +
        ([...known.keys()].join(", ") || "none"),
    );
  }
  const options: Record<string, number | string> = {};
  for (const spec of method.options) {
    const value = given[spec.name] ?? (model && spec.defaultFor?.(model));
    options[spec.name] = checkOption(method, spec, value);
  }
  if (model) method.check?.(options, model);
  return options;
}

function checkOption(
  method: Method,
  spec: OptionSpec,
  given: unknown,
): number | string {
  if (given === undefined) return spec.default;
  const refuse = (wanted: string): never => {
    throw new RangeError(
      `Cannot configure ${method.name}: got ${spec.name} ${given}, wanted ` +
        wanted,
    );
  };
  if (spec.kind === "choice") {
    const choice = String(given);
    if (spec.choices?.includes(choice)) return choice;
    return refuse(`one of ${spec.choices?.join(", ")}`);
  }
  if (spec.kind === "list") {
    const names = String(given).split(",").map((name) => name.trim());
    if (names.some((name) => !spec.choices?.includes(name))) {
      return refuse(`some of ${spec.choices?.join(",")}`);
    }
    // One order, so that the same set is the same option.
    return spec.choices?.filter((name) => names.includes(name)).join(",") ?? "";
  }
  const value = Number(given);
  const { minimum = -Infinity, below = Infinity } = spec;
  const whole = spec.kind === "integer";
  if (
    !Number.isFinite(value) || whole && !Number.isInteger(value) ||
    value < minimum || value >= below
  ) {
    const range = [
      minimum > -Infinity ? `at least ${minimum}` : "",
      below < Infinity ? `below ${below}` : "",
    ].filter(Boolean).join(" and ");
    refuse(`a ${whole ? "whole number" : "number"} ${range}`.trim());
  }
  return value;
}
