import type { Flag, FlagValue } from "./flag.ts";

/** What was typed: flags checked, defaults filled in. */
export class Input {
  readonly #values: ReadonlyMap<string, FlagValue>;
  readonly #flags: ReadonlyMap<string, Flag>;
  readonly #words: ReadonlyMap<string, string | string[]>;

  /**
   * @param flags Every flag of the command.
   * @param values Those that were typed, by name.
   * @param words Arguments by name.
   * @throws {RangeError} If a value is out of its flag's range.
   */
  constructor(
    flags: readonly Flag[],
    values: ReadonlyMap<string, FlagValue>,
    words: ReadonlyMap<string, string | string[]> = new Map(),
  ) {
    this.#flags = new Map(flags.map((flag) => [flag.name, flag]));
    this.#values = values;
    this.#words = words;
    for (const [name, value] of values) checkRange(this.flag(name), value);
  }

  /** Whether the flag was typed. */
  given(name: string): boolean {
    this.flag(name);
    return this.#values.has(name);
  }

  /** The number of a flag that has a default or is required. */
  number(name: string): number {
    const value = this.value(name);
    if (typeof value === "number") return value;
    throw new TypeError(`Cannot read --${name}: got ${value}, wanted a number`);
  }

  /** The number of a flag, if there is one. */
  numberOr(name: string): number | undefined {
    const value = this.value(name);
    return typeof value === "number" ? value : undefined;
  }

  /** The text of a flag that has a default or is required. */
  text(name: string): string {
    const value = this.value(name);
    if (typeof value === "string") return value;
    throw new TypeError(`Cannot read --${name}: got ${value}, wanted text`);
  }

  /** The text of a flag, if there is one. */
  textOr(name: string): string | undefined {
    const value = this.value(name);
    return typeof value === "string" ? value : undefined;
  }

  /** Whether a boolean flag is on. */
  on(name: string): boolean {
    return this.value(name) === true;
  }

  /** The value of a flag or its default. */
  value(name: string): FlagValue | undefined {
    return this.#values.get(name) ?? this.flag(name).default;
  }

  /** An argument. */
  word(name: string): string {
    const word = this.#words.get(name);
    return typeof word === "string" ? word : "";
  }

  /** The words of a variadic argument. */
  words(name: string): readonly string[] {
    const words = this.#words.get(name);
    return Array.isArray(words) ? words : [];
  }

  private flag(name: string): Flag {
    const flag = this.#flags.get(name);
    if (flag) return flag;
    throw new TypeError(`Cannot read --${name}: the command does not have it`);
  }
}

function checkRange(flag: Flag, value: FlagValue): void {
  if (typeof value !== "number") return;
  const { minimum = -Infinity, maximum = Infinity, below = Infinity } = flag;
  if (value >= minimum && value <= maximum && value < below) return;
  const range = [
    minimum > -Infinity ? `at least ${minimum}` : "",
    maximum < Infinity ? `at most ${maximum}` : "",
    below < Infinity ? `below ${below}` : "",
  ].filter(Boolean).join(" and ");
  throw new RangeError(
    `Cannot use --${flag.name}: got ${value}, wanted ${range}`,
  );
}
