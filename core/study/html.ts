/**
 * HTML that cannot be written unescaped by accident.
 *
 * @module
 */

/** Markup, as opposed to text that still has to be escaped. */
export class Html {
  /** The markup. */
  readonly markup: string;

  /** Takes markup as it stands. */
  constructor(markup: string) {
    this.markup = markup;
  }

  /** The markup. */
  toString(): string {
    return this.markup;
  }
}

/** What a template takes: text, numbers, markup, lists of them, or nothing. */
export type Content =
  | Html
  | string
  | number
  | false
  | undefined
  | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Escapes text for an element's content or a quoted attribute.
 *
 * Characters that HTML forbids, and halves of surrogate pairs, become U+FFFD.
 */
export function escapeHtml(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex -- they are what is replaced
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/**
 * A template whose values are escaped unless they are {@linkcode Html}.
 *
 * `false` and `undefined` write nothing; lists write their items in a row.
 *
 * @example Usage
 * ```ts
 * import { html } from "./html.ts";
 *
 * const cell = html`<td>${"a < b"}</td>`;
 * if (cell.markup !== "<td>a &lt; b</td>") throw new RangeError(cell.markup);
 * ```
 */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly Content[]
): Html {
  let markup = parts[0];
  values.forEach((value, i) => markup += write(value) + parts[i + 1]);
  return new Html(markup);
}

function write(value: Content): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Html) return value.markup;
  if (typeof value === "object") return value.map(write).join("");
  return escapeHtml(String(value));
}
