/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/**
 * Lays text out in columns, two spaces apart.
 *
 * @param rows As many cells as there are columns.
 * @returns The heading (unless every title is empty) and a line a row.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const titles = columns.map(({ title }) => title);
  const lines = titles.some(Boolean) ? [titles, ...rows] : rows;
  const widths = columns.map((_, i) =>
    Math.max(...lines.map((cells) => width(cells[i])), 0)
  );
  return lines.map((cells) =>
    cells.map((cell, i) => {
      const space = " ".repeat(widths[i] - width(cell));
      return columns[i].align === "right" ? space + cell : cell + space;
    }).join("  ").trimEnd()
  );
}

/** Characters as a person counts them. */
function width(text: string): number {
  return [...text].length;
}
