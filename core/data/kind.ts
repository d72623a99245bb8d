/**
 * What a kind of image source is, to `data prepare`.
 *
 * @module
 */
import { hinted } from "../errors.ts";
import type { UnsavedDataset } from "./dataset.ts";

/** A value of an option. */
export type OptionValue = string | number | boolean;

/** One option of a kind, from which the command line makes a flag. */
export interface OptionSpec {
  /** Name in camelCase; the flag is its kebab-case. */
  name: string;
  /** What values are. */
  type: "integer" | "number" | "string" | "boolean";
  /** Value where none is given; none means that the option may be missing. */
  default?: OptionValue;
  /** The values allowed, where they are few. */
  choices?: readonly string[];
  /** Smallest number allowed. */
  min?: number;
  /** Largest number allowed. */
  max?: number;
  /** One line of help. */
  help: string;
}

/** What a kind needs to know beside its options. */
export interface PrepareContext {
  /** Decides which images a split gets. */
  seed: number;
  /** The command, for the description of the data set. */
  command: string;
  /** Told now and then how far the work is. */
  progress?: (done: number, total: number) => void;
}

/** What came of preparing. */
export interface Prepared {
  /** The data set, ready to be written. */
  dataset: UnsavedDataset;
  /** What the user should know. */
  report: PrepareReport;
}

/** What the user should know about prepared images. */
export interface PrepareReport {
  /** Sentences. */
  notes: string[];
  /** Images left out because they do not decode. */
  broken: { file: string; reason: string }[];
  /** Number of files left out because they are no images, by extension. */
  ignored: Record<string, number>;
}

/** A kind of image source. */
export interface PrepareKind {
  /** Word on the command line. */
  name: string;
  /** One line of help. */
  summary: string;
  /** What its source is, where that is no path of images. */
  source?: string;
  /** Its options. */
  options: readonly OptionSpec[];
  /**
   * Reads a source. Nothing is written.
   *
   * @param source Path of a folder or file, or what the kind takes instead.
   * @param options Values by option name; checked against `options`.
   * @throws {RangeError} If the source or an option is not as wanted.
   * @throws {SyntaxError} If a file of the source does not parse.
   */
  prepare(
    source: string,
    options: Record<string, OptionValue | undefined>,
    context: PrepareContext,
  ): Promise<Prepared>;
}

/** Checked options of a kind, with defaults filled in. */
export class Options {
  readonly #values = new Map<string, OptionValue>();

  /**
   * Checks values against what a kind declares.
   *
   * @throws {TypeError} If a value has another type than declared.
   * @throws {RangeError} If a name or value is not among those declared.
   */
  constructor(
    specs: readonly OptionSpec[],
    values: Record<string, OptionValue | undefined>,
  ) {
    const names = specs.map(({ name }) => name);
    for (const name of Object.keys(values)) {
      if (names.includes(name)) continue;
      throw new RangeError(
        `Cannot prepare images: got an option "${name}", wanted one of ${
          names.join(", ")
        }`,
      );
    }
    for (const spec of specs) {
      const value = values[spec.name] ?? spec.default;
      if (value === undefined) continue;
      checkOption(spec, value);
      this.#values.set(spec.name, value);
    }
  }

  /** The number, if there is one. */
  number(name: string): number | undefined {
    const value = this.#values.get(name);
    return typeof value === "number" ? value : undefined;
  }

  /** The text; empty where there is none. */
  text(name: string): string {
    const value = this.#values.get(name);
    return typeof value === "string" ? value : "";
  }

  /** The choice, as one of the values it may have. */
  choice<T extends string>(name: string, choices: readonly T[]): T {
    const text = this.text(name);
    return choices.find((choice) => choice === text) ?? choices[0];
  }

  /** Whether it is set. */
  flag(name: string): boolean {
    return this.#values.get(name) === true;
  }
}

function checkOption(spec: OptionSpec, value: OptionValue): void {
  const { name, type, choices, min = -Infinity, max = Infinity } = spec;
  const wanted = type === "integer" ? "number" : type;
  const got = typeof value;
  if (got !== wanted) {
    throw new TypeError(
      `Cannot prepare images: got ${name} of type ${got}, wanted ${type}`,
    );
  }
  if (
    typeof value === "number" &&
    (!(value >= min && value <= max) ||
      (type === "integer" && !Number.isSafeInteger(value)))
  ) {
    throw new RangeError(
      `Cannot prepare images: got ${name} ${value}, wanted ${
        type === "integer" ? "a whole number" : "a number"
      }${min > -Infinity ? ` from ${min}` : ""}${
        max < Infinity ? ` to ${max}` : ""
      }`,
    );
  }
  if (choices && typeof value === "string" && !choices.includes(value)) {
    throw hinted(
      new RangeError(
        `Cannot prepare images: got ${name} "${value}", wanted ${
          choices.join(", ")
        }`,
      ),
      `${choices[0]} is the usual choice`,
    );
  }
}
