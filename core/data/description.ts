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
  resize: { filter: string; size: number; fit: string };
  /** What else a reader should know; one a line. */
  notes: string;
}

const WORDS = ["name", "source", "licence", "prepared_with", "notes"] as const;

/** Encodes a description as JSON. */
export function describe(description: DatasetDescription): string {
  const { preparedWith, ...rest } = description;
  return JSON.stringify({ ...rest, ["prepared_with"]: preparedWith });
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
  const { filter, size, fit } = fieldsOf(fields.resize);
  if (
    typeof filter !== "string" || typeof size !== "number" ||
    typeof fit !== "string"
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
    resize: { filter, size, fit },
    notes: word("notes"),
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
