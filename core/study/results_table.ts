/**
 * Tables of a study for papers: Markdown, and LaTeX with booktabs.
 *
 * @module
 */

import type { SettingRow, StudyTable, Summary } from "./aggregate.ts";
import { formatCount } from "./format.ts";

const NONE = "–";

/** Tables as Markdown, each with a line that says what it shows. */
export function markdownTables(tables: readonly StudyTable[]): string {
  return tables.map((table) => {
    const { titles, numbers, rows } = layOut(table, {
      bold: (text) => `**${text}**`,
      plusMinus: " ± ",
      escape: (text) => text.replace(/[|\\*_`]/g, "\\$&"),
      number: (text) => text,
    });
    const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    return [
      `${captionOf(table)}.`,
      "",
      line(titles),
      line(titles.map((_, i) => numbers[i] ? "---:" : "---")),
      ...rows.map(line),
      "",
    ].join("\n");
  }).join("\n");
}

/** Tables as LaTeX, to be included; they need the package booktabs. */
export function latexTables(tables: readonly StudyTable[]): string {
  return tables.map((table) => {
    const { titles, numbers, rows } = layOut(table, {
      bold: (text) => `\\textbf{${text}}`,
      plusMinus: "\\,$\\pm$\\,",
      escape: escapeLatex,
      number: (text) => text.replaceAll(",", "{,}"),
    });
    const line = (cells: readonly string[]) => `${cells.join(" & ")} \\\\`;
    return [
      `% ${captionOf(table)}.`,
      `\\begin{tabular}{${numbers.map((is) => is ? "r" : "l").join("")}}`,
      "\\toprule",
      line(titles),
      "\\midrule",
      ...rows.map(line),
      "\\bottomrule",
      "\\end{tabular}",
      "",
    ].join("\n");
  }).join("\n");
}

function captionOf({ epoch, seeds: [fewest, most], rows }: StudyTable): string {
  const which = epoch === "last"
    ? "after the last epoch"
    : "at the epoch that was best on the validation images";
  const seeds = rows.length === 0
    ? "no runs yet"
    : most === 1
    ? "one seed"
    : `mean ± standard deviation over ${
      fewest === most ? most : `${fewest} to ${most}`
    } seeds`;
  const rates =
    rows.some(({ results }) =>
        new Set(results.map(({ settings }) => settings.lr)).size > 1
      )
      ? "; learning rates differ by data set"
      : "";
  return `Test top-1 in per cent ${which}, ${seeds}; parameters leave out the ` +
    `head; time is training's${rates}`;
}

interface Markup {
  bold(text: string): string;
  readonly plusMinus: string;
  escape(text: string): string;
  number(text: string): string;
}

interface Layout {
  readonly titles: readonly string[];
  /** Whether a column has numbers, and stands at the right. */
  readonly numbers: readonly boolean[];
  readonly rows: readonly (readonly string[])[];
}

function layOut(table: StudyTable, markup: Markup): Layout {
  const { axes, datasets, rows, seeds } = table;
  const several = datasets.size > 1;
  const share = (cell: Summary | undefined) =>
    cell ? shareText(cell, seeds[1], markup) : NONE;
  const setting = (row: SettingRow, name: string) => {
    const value = row.values.get(name);
    if (typeof value === "number") return String(value);
    return value === undefined ? NONE : markup.escape(value);
  };
  return {
    titles: [
      ...axes.map(markup.escape),
      "parameters",
      ...[...datasets.values()].map(markup.escape),
      ...several ? ["mean"] : [],
      "time (s)",
    ],
    numbers: [
      ...axes.map((name) =>
        rows.some(({ values }) => typeof values.get(name) === "number")
      ),
      true,
      ...[...datasets].map(() => true),
      ...several ? [true] : [],
      true,
    ],
    rows: rows.map((row) => [
      ...axes.map((name) => setting(row, name)),
      markup.number(formatCount(row.parameters)),
      ...[...datasets.keys()].map((data) => share(row.cells.get(data))),
      ...several ? [share(row.mean)] : [],
      row.seconds.toFixed(1),
    ]),
  };
}

/** A cell with fewer seeds than others says so. */
function shareText(
  { mean, std, count, top }: Summary,
  seeds: number,
  { bold, plusMinus }: Markup,
): string {
  const percent = (share: number) => (100 * share).toFixed(1);
  const spread = std === undefined ? "" : plusMinus + percent(std);
  const text = percent(mean) + spread;
  return (top ? bold(text) : text) + (count < seeds ? ` (n=${count})` : "");
}

const LATEX: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  // LaTeX's own encoding has other signs in their places.
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
};

function escapeLatex(text: string): string {
  return text.replace(
    /[\\~^&%$#_{}<>|]/g,
    (letter) => LATEX[letter] ?? `\\${letter}`,
  );
}
