/**
 * Flags that several commands share, and flags made from what methods and data
 * kinds declare.
 *
 * @module
 */

import type { OptionSpec as KindOption } from "../core/data/kind.ts";
import type { Method, OptionSpec } from "../core/methods/method.ts";
import type { Flag } from "./flag.ts";

const GENERAL = "Output";

/** The flags of every command. */
export const commonFlags: readonly Flag[] = [
  {
    name: "json",
    kind: "boolean",
    group: GENERAL,
    help: "print one JSON document on stdout, all else on stderr",
  },
  {
    name: "verbose",
    kind: "boolean",
    group: GENERAL,
    help: "print details, and stack traces of errors",
  },
];

/** The flag of everything that draws random numbers. */
export const seedFlag: Flag = {
  name: "seed",
  kind: "integer",
  default: 0,
  minimum: 0,
  placeholder: "N",
  help: "seed of every random choice",
};

/** Which library multiplies matrices on the CPU. */
export const blasFlag: Flag = {
  name: "blas",
  kind: "text",
  placeholder: "off|auto|PATH",
  default: "auto",
  group: "Device",
  help: "BLAS library of the cpu engine; auto takes one that is found",
};

/** The flags of everything that computes. */
export const deviceFlags: readonly Flag[] = [
  {
    name: "device",
    kind: "text",
    choices: ["auto", "cpu", "webgpu"],
    default: "auto",
    group: "Device",
    help: "what computes; auto takes a real GPU if there is one",
  },
  {
    name: "threads",
    kind: "integer",
    minimum: 1,
    placeholder: "N",
    defaultText: "the cpu engine's choice",
    group: "Device",
    help: "threads of the cpu engine",
  },
  blasFlag,
];

/** maxPixels → max-pixels. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flag of an option of a data kind. */
export function kindFlag(spec: KindOption): Flag {
  const { name, type, choices, min, help } = spec;
  return {
    name: kebab(name),
    kind: type === "string" ? "text" : type,
    // Values are left to the kind, so that defaults live in one place.
    default: type === "boolean" ? undefined : spec.default,
    choices,
    minimum: min,
    group: "Images",
    help,
  };
}

/** `attn|mlp`, with what a method before had besides; lists have commas. */
function placeholder(spec: OptionSpec, before?: Flag): string {
  const mark = spec.kind === "list" ? "," : "|";
  const earlier = before?.placeholder?.split(mark) ?? [];
  return [...new Set([...earlier, ...spec.choices ?? []])].join(mark);
}

/**
 * The flags of every method's options. A flag that several methods share is
 * one flag, its help naming them.
 */
export function methodFlags(methods: Iterable<Method>): Flag[] {
  const flags = new Map<string, Flag>();
  for (const method of methods) {
    for (const spec of method.options) {
      const before = flags.get(spec.name);
      const text = `${method.name}: ${spec.help} (default ${spec.default})`;
      flags.set(spec.name, {
        name: kebab(spec.name),
        kind: spec.kind === "choice" || spec.kind === "list"
          ? "text"
          : spec.kind,
        placeholder: spec.choices && placeholder(spec, before),
        group: "Method",
        help: before ? `${before.help}; ${text}` : text,
      });
    }
  }
  return [...flags.values()];
}
