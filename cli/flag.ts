/** Value of a flag. */
export type FlagValue = string | number | boolean;

/** A flag as data: parsing, checks and help derive from it. */
export interface Flag {
  /** In kebab-case, without the dashes. */
  readonly name: string;
  /** Booleans take no value; one that defaults to true is given as `--no-`. */
  readonly kind: "integer" | "number" | "text" | "boolean";
  /** What the help calls the value. */
  readonly placeholder?: string;
  readonly default?: FlagValue;
  /** What the help says of the default where that is not its value. */
  readonly defaultText?: string;
  readonly required?: boolean;
  /** Whether text may be left out: `--resume` and `--resume RUN`. */
  readonly optionalValue?: boolean;
  readonly choices?: readonly string[];
  /** Smallest number allowed. */
  readonly minimum?: number;
  /** Largest number allowed. */
  readonly maximum?: number;
  /** Numbers must stay below this. */
  readonly below?: number;
  /** Heading in the help. */
  readonly group?: string;
  readonly help: string;
}
