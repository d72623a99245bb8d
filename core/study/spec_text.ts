/**
 * Reads YAML, TOML and JSON, and says in which line a field stands.
 *
 * @module
 */

import { parse as parseToml, TomlError } from "smol-toml";
import { isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";

/** A document and its lines. */
export interface SpecText {
  readonly value: unknown;
  /** Line of a field from 1, where it is known. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
}

/**
 * Reads a document; the extension of the file's name says which kind.
 *
 * @throws {SyntaxError} If the text is none; it names the line.
 * @throws {RangeError} If the extension is another.
 */
export function readSpecText(text: string, path: string): SpecText {
  const extension = path.split(".").at(-1)?.toLowerCase();
  switch (extension) {
    case "yaml":
    case "yml":
      return readYaml(text, path);
    case "toml":
      return readToml(text, path);
    case "json":
      return readJson(text, path);
    default:
      throw new RangeError(
        `Cannot read the study ${path}: got the extension ` +
          `"${extension}", wanted yaml, toml or json`,
      );
  }
}

function readYaml(text: string, path: string): SpecText {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line } = lineCounter.linePos(error.pos[0]);
    throw syntaxError(path, line, error.message, error);
  }
  const lineAt = (offset: number | undefined) =>
    offset === undefined ? undefined : lineCounter.linePos(offset).line;
  return {
    value: document.toJS(),
    lineOf(fields) {
      // The line of the name, where there is one, rather than of the value.
      const parent: unknown = document.getIn(fields.slice(0, -1), true);
      const name = fields.at(-1);
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && key.value === name)
        : undefined;
      if (isNode(pair?.key)) return lineAt(pair.key.range?.[0]);
      const node: unknown = document.getIn(fields, true);
      return isNode(node) ? lineAt(node.range?.[0]) : undefined;
    },
  };
}

function readJson(text: string, path: string): SpecText {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw syntaxError(path, undefined, messageOf(error), error);
  }
  // JSON is YAML as well, whose parser knows lines.
  return { value, lineOf: (fields) => readYaml(text, path).lineOf(fields) };
}

function readToml(text: string, path: string): SpecText {
  try {
    return { value: parseToml(text), lineOf: () => undefined };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [message] = error.message.split("\n");
    throw syntaxError(path, error.line, message, error);
  }
}

function syntaxError(
  path: string,
  line: number | undefined,
  message: string,
  cause: unknown,
): SyntaxError {
  const where = line === undefined ? "" : `, line ${line}`;
  const said = message.replace(/\.$/, "");
  return new SyntaxError(`Cannot read the study ${path}${where}: ${said}`, {
    cause,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
