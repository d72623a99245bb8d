/**
 * Turns words into a command and its input, with commander.
 *
 * @module
 */

import { Command, type CommanderError, Option } from "commander";
import { hinted } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { CliCommand } from "./command.ts";
import type { Flag, FlagValue } from "./flag.ts";
import { commonFlags } from "./flags.ts";
import { Input } from "./input.ts";
import { UsageError } from "./usage_error.ts";

/** What the words asked for. */
export type Parsed =
  | {
    readonly kind: "run";
    readonly command: CliCommand;
    readonly input: Input;
  }
  | { readonly kind: "help"; readonly text: string };

/** What the program says of itself. */
export interface Program {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly commands: readonly CliCommand[];
  /** What the words say that several commands start with. */
  readonly groups: ReadonlyMap<string, string>;
}

/**
 * Parses the words after the program's name.
 *
 * @throws {UsageError} If they are not as wanted; the hint has the nearest name.
 * @throws {RangeError} If a number is out of its flag's range.
 */
export function parse(program: Program, words: readonly string[]): Parsed {
  const root = new Command(program.name);
  let text = "";
  let found: Parsed | undefined;
  const prepare = (command: Command, flags: readonly Flag[]): void => {
    command.exitOverride((error) => {
      throw translate(error, command, flags);
    });
    command.configureOutput({
      writeOut: (part) => text += part,
      writeErr: (part) => text += part,
      outputError: () => {},
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => 80,
      getErrHelpWidth: () => 80,
    });
    command.helpOption("-h, --help", "show this");
    command.helpCommand(false);
    command.configureHelp({ sortSubcommands: false, minWidthToWrap: 24 });
  };
  prepare(root, []);
  root.description(program.summary)
    .version(program.version, "--version", "show the version");
  root.addHelpText("after", "\nhelp of a command: alore COMMAND --help");
  for (const spec of program.commands) {
    const flags = [...spec.flags, ...commonFlags];
    const command = place(root, spec.name, program.groups, prepare);
    prepare(command, flags);
    declare(command, spec, flags);
    command.action(() => {
      const input = inputOf(spec, flags, command);
      found = { kind: "run", command: spec, input };
    });
  }
  try {
    root.parse([...words], { from: "user" });
  } catch (error) {
    if (error instanceof HelpShown) return { kind: "help", text };
    throw error;
  }
  return found ?? { kind: "help", text: root.helpInformation() };
}

/** Help was asked for; not an error. */
class HelpShown extends Error {}

/** The command of a name, made with the groups above it. */
function place(
  root: Command,
  name: string,
  groups: Program["groups"],
  prepare: (command: Command, flags: readonly Flag[]) => void,
): Command {
  let parent = root;
  let path = "";
  for (const word of name.split(" ")) {
    path = `${path} ${word}`.trim();
    let child = parent.commands.find((command) => command.name() === word);
    if (!child) {
      child = parent.command(word);
      prepare(child, []);
      child.description(groups.get(path) ?? "");
    }
    parent = child;
  }
  return parent;
}

function declare(
  command: Command,
  spec: CliCommand,
  flags: readonly Flag[],
): void {
  command.description(spec.summary).allowExcessArguments(false);
  for (const { name, help, variadic } of spec.arguments ?? []) {
    command.argument(`<${name}${variadic ? "..." : ""}>`, help);
  }
  for (const flag of flags) command.addOption(optionOf(flag));
  const lines = spec.examples.map((line) => `  deno task alore ${line}`);
  command.addHelpText("after", `\nExample:\n${lines.join("\n")}`);
}

function optionOf(flag: Flag): Option {
  const { name, kind, placeholder, required, optionalValue } = flag;
  const off = kind === "boolean" && flag.default === true;
  const value = placeholder ?? (flag.choices?.join("|") ?? {
    integer: "N",
    number: "X",
    text: "TEXT",
    boolean: "",
  }[kind]);
  const typed = kind === "boolean"
    ? `--${off ? "no-" : ""}${name}`
    : `--${name} ${optionalValue ? `[${value}]` : `<${value}>`}`;
  const known = flag.defaultText ??
    (kind === "boolean" ? undefined : flag.default);
  const notes = required
    ? "required"
    : known === undefined || known === ""
    ? ""
    : `default ${known}`;
  const help = notes ? `${flag.help} (${notes})` : flag.help;
  const option = new Option(typed, help)
    .helpGroup(`${flag.group ?? "Options"}:`);
  if (kind !== "boolean") option.argParser((text) => parseValue(flag, text));
  return option;
}

/** @throws {UsageError} If the text is no value of the flag. */
function parseValue(flag: Flag, text: string): FlagValue {
  const { kind, choices, name } = flag;
  if (kind === "text") {
    if (!choices || choices.includes(text)) return text;
    throw hinted(
      new UsageError(
        `Cannot use --${name}: got "${text}", wanted one of ` +
          choices.join(", "),
      ),
      `did you mean ${nearest(text, choices)}?`,
    );
  }
  const value = Number(text);
  const whole = kind === "integer";
  const good = whole ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (text.trim() !== "" && good) return value;
  throw new UsageError(
    `Cannot use --${name}: got "${text}", wanted a ${
      whole ? "whole number" : "number"
    }`,
  );
}

function inputOf(
  spec: CliCommand,
  flags: readonly Flag[],
  command: Command,
): Input {
  const values = new Map<string, FlagValue>();
  const missing = flags.find(({ name, required }) =>
    required && command.getOptionValueSource(keyOf(name)) === undefined
  );
  if (missing) {
    throw hinted(
      new UsageError(`Missing flag: --${missing.name}`),
      `see: alore ${pathOf(command)}--help`,
    );
  }
  for (const flag of flags) {
    const key = keyOf(flag.name);
    if (command.getOptionValueSource(key) !== "cli") continue;
    const value: unknown = command.getOptionValue(key);
    if (flag.kind === "boolean") values.set(flag.name, value === true);
    else if (typeof value === "string" || typeof value === "number") {
      values.set(flag.name, value);
    } else values.set(flag.name, ""); // An optional value was left out.
  }
  const words = new Map<string, string | string[]>();
  for (const [i, { name }] of (spec.arguments ?? []).entries()) {
    const word: unknown = command.processedArgs[i];
    if (typeof word === "string") words.set(name, word);
    else if (Array.isArray(word)) words.set(name, word.map(String));
  }
  return new Input(flags, values, words);
}

/** Where commander keeps the value of a flag. */
function keyOf(flag: string): string {
  return new Option(`--${flag}`).attributeName();
}

/** Says in this program's words what commander found. */
function translate(
  error: CommanderError,
  command: Command,
  flags: readonly Flag[],
): Error {
  const { code } = error;
  if (code === "commander.helpDisplayed" || code === "commander.version") {
    return new HelpShown();
  }
  if (code === "commander.help") return new HelpShown();
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  const help = `see: alore ${pathOf(command)}--help`;
  switch (code) {
    case "commander.unknownCommand": {
      const names = command.commands.map((child) => child.name());
      return hinted(
        new UsageError(`Unknown command: ${pathOf(command)}${quoted}`),
        `did you mean ${nearest(quoted, names)}? (${names.join(", ")})`,
      );
    }
    case "commander.unknownOption": {
      const typed = quoted.replace(/=.*$/, "");
      const names = [...flags.map(flagText), "--help"];
      if (names.includes(typed)) {
        return hinted(
          new UsageError(`Cannot use ${quoted}: ${typed} takes no value`),
          `did you mean ${typed}?`,
        );
      }
      return hinted(
        new UsageError(`Unknown flag: ${typed}`),
        `did you mean ${nearest(typed, names)}?`,
      );
    }
    case "commander.optionMissingArgument":
      return hinted(new UsageError(`Missing value: ${quoted}`), help);
    case "commander.missingArgument":
      return hinted(new UsageError(`Missing argument: ${quoted}`), help);
    case "commander.excessArguments":
      return hinted(
        new UsageError(`Too many words after ${pathOf(command).trim()}`),
        help,
      );
    default:
      return new UsageError(error.message.replace(/^error: /, ""));
  }
}

function flagText({ name, kind, default: value }: Flag): string {
  return `--${kind === "boolean" && value === true ? "no-" : ""}${name}`;
}

/** The words that lead to a command, each followed by a space. */
function pathOf(command: Command): string {
  if (!command.parent) return "";
  return `${pathOf(command.parent)}${command.name()} `;
}
