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

/** In what frozen weights and activations are stored. */
export const precisionFlag: Flag = {
  name: "precision",
  kind: "text",
  choices: ["f32", "f16"],
  default: "f32",
  group: "Device",
  help: "storage of frozen weights and activations; f16 needs the webgpu " +
    "engine and an adapter with shader-f16",
};

/** maxPixels → max-pixels. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flag of an option of a data kind. */
export function kindFlag(spec: KindOption): Flag {
  const { name, type, choices, min, max, help } = spec;
  return {
    name: kebab(name),
    kind: type === "string" ? "text" : type,
    // Values are left to the kind, so that defaults live in one place.
    default: type === "boolean" ? undefined : spec.default,
    choices,
    minimum: min,
    maximum: max,
    group: "Images",
    help,
  };
}

/** Longer ones would leave the help no room beside the flags. */
const LONGEST_PLACEHOLDER = 22;

/** An option and the methods that have it. */
type Uses = readonly (readonly [method: string, spec: OptionSpec])[];

/** `attn|mlp`, or `q,k,v` for a list, where that is short. */
function placeholder(uses: Uses): string | undefined {
  const choices = new Set(uses.flatMap(([, { choices = [] }]) => choices));
  if (choices.size === 0) return undefined;
  const mark = uses[0][1].kind === "list" ? "," : "|";
  const text = [...choices].join(mark);
  return text.length <= LONGEST_PLACEHOLDER ? text : "NAME";
}

/** `adapter (8), arc (50): features …; lora (8): rank of …`. */
function optionHelp(uses: Uses, named: boolean): string {
  const [[method, { help, default: value }]] = uses;
  if (uses.length === 1) return `${method}: ${help} (default ${value})`;
  const texts = Map.groupBy(
    uses,
    ([, { help, choices }]) =>
      named && choices ? `${help}; ${choices.join("|")}` : help,
  );
  const parts = [...texts].map(([text, own]) => {
    const names = own.map(([name, spec]) => `${name} (${spec.default})`);
    return `${names.join(", ")}: ${text}`;
  });
  return `defaults in brackets; ${parts.join("; ")}`;
}

/**
 * The flags of every method's options. A flag that several methods share is
 * one flag, its help naming them.
 */
export function methodFlags(methods: Iterable<Method>): Flag[] {
  const all = [...methods].flatMap((method) =>
    method.options.map((spec) => [method.name, spec] as const)
  );
  const flags = Map.groupBy(all, ([, { name }]) => name);
  return [...flags].map(([name, uses]): Flag => {
    const [[, { kind }]] = uses;
    const words = placeholder(uses);
    return {
      name: kebab(name),
      kind: kind === "choice" || kind === "list" ? "text" : kind,
      placeholder: words,
      group: "Method",
      help: optionHelp(uses, words === "NAME"),
    };
  });
}
