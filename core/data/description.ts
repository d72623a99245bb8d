/** How images were brought to their size. */
export interface Resize {
  /** Such as `bicubic`; another word means that it is not known. */
  filter: string;
  /** Side in pixels. */
  size: number;
  /** How they became square. */
  fit: string;
  /** Share of the resized side whose centre was cut out; left out, 1. */
  cropPct?: number;
}

/** A {@linkcode Resize} to any size. */
export type Fitting = Readonly<Omit<Resize, "size">>;

/** Where a data set came from and how it was made. */
export interface DatasetDescription {
  /** Short name, such as `fashion-mnist`. */
  name: string;
  /** Where the images come from: a path, a package, an address. */
  source: string;
  /** Licence of the images; empty where it is not known. */
  licence: string;
  /** The command that made the file. */
  preparedWith: string;
  /** How images were brought to their size. */
  resize: Resize;
  /** What else a reader should know; one a line. */
  notes: string;
}

const WORDS = ["name", "source", "licence", "prepared_with", "notes"] as const;

/** Encodes a description as JSON. */
export function describe(description: DatasetDescription): string {
  const { preparedWith, resize, ...rest } = description;
  const { cropPct, ...square } = resize;
  return JSON.stringify({
    ...rest,
    resize: { ...square, ["crop_pct"]: cropPct },
    ["prepared_with"]: preparedWith,
  });
}

/**
 * Checks a parsed description.
 *
 * @param value What the JSON held.
 * @param name What messages call the file.
 * @throws {SyntaxError} If a field is missing or of the wrong type.
 */
export function parseDescription(
  value: unknown,
  name: string,
): DatasetDescription {
  const fields = fieldsOf(value);
  const word = (field: typeof WORDS[number]): string => {
    const text = fields[field];
    if (typeof text === "string") return text;
    throw new SyntaxError(
      `Cannot read ${name}: got ${typeof text} for "${field}" of its description, wanted a string`,
    );
  };
  const { filter, size, fit, ["crop_pct"]: cropPct } = fieldsOf(fields.resize);
  if (
    typeof filter !== "string" || typeof size !== "number" ||
    typeof fit !== "string" ||
    cropPct !== undefined && !(typeof cropPct === "number" && cropPct > 0)
  ) {
    throw new SyntaxError(
      `Cannot read ${name}: got ${
        JSON.stringify(fields.resize) ?? "nothing"
      } for "resize" of its description, wanted filter, size and fit`,
    );
  }
  return {
    name: word("name"),
    source: word("source"),
    licence: word("licence"),
    preparedWith: word("prepared_with"),
    resize: { filter, size, fit, ...cropPct ? { cropPct } : {} },
    notes: word("notes"),
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
