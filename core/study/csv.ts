import { type Html, html } from "./html.ts";

/** A table that can be downloaded: names of the columns, and rows. */
export interface Table {
  /** Of the file, with `.csv`. */
  readonly file: string;
  /** One per column. */
  readonly columns: readonly string[];
  /** Numbers that are not finite and `undefined` become empty fields. */
  readonly rows: readonly (readonly (string | number | undefined)[])[];
}

/** Writes a table as RFC 4180 says, in UTF-8, fields quoted where they must be. */
export function toCsv(table: Table): string {
  return [table.columns, ...table.rows]
    .map((row) => row.map(field).join(",") + "\r\n").join("");
}

/** A link that downloads a table, which the page itself carries. */
export function csvLink(table: Table, text = "Download as CSV"): Html {
  const data = encodeURIComponent(toCsv(table).toWellFormed());
  return html`
    <a class="download" download="${table.file}"
      href="data:text/csv;charset=utf-8,${data}">${text}</a>
  `;
}

function field(value: string | number | undefined): string {
  if (typeof value === "number") {
    return Number.isFinite(value) ? `${value}` : "";
  }
  const text = value ?? "";
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
