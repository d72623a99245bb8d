import { type Html, html } from "../html.ts";
import { reportPage } from "../page.ts";
import { INSPECT_STYLE } from "../inspect/inspect_page.ts";
import { bestSection } from "./best_section.ts";
import { FILTER_SCRIPT, filters } from "./filters.ts";
import { heatSection } from "./heat_section.ts";
import { learningSection } from "./learning_section.ts";
import { paretoSection } from "./pareto_section.ts";
import { repeatSection } from "./repeat_section.ts";
import type { StudyReport } from "./reported_study.ts";
import { tableOf } from "./study_cells.ts";
import { STUDY_STYLE } from "./study_style.ts";
import { taskSection } from "./task_section.ts";
import { Marks } from "./words.ts";

export type { RunOrigin, StudyReport, StudyRun } from "./reported_study.ts";

/**
 * Writes a study as a page that opens from disk: which setting is best and by
 * how much, what experts and ranks buy, accuracy against parameters, every data
 * set, learning curves, and how to repeat each run.
 *
 * @returns An HTML document that loads nothing.
 * @throws {RangeError} If the study does not have the baseline.
 */
export function studyReport(report: StudyReport): string {
  const table = tableOf(report.runs, report.baseline);
  const marks = new Marks(table);
  const sections: readonly (readonly [id: string, title: string, Html])[] = [
    ["result", "Result", bestSection(report, table, marks)],
    ["experts-by-rank", "Experts and rank", heatSection(table, marks)],
    ["parameters", "Parameters", paretoSection(table, marks)],
    ["tables", "Tables", taskSection(table, marks)],
    ["curves", "Learning curves", learningSection(table, marks)],
    ["experts", "What the experts learn", report.experts ?? html``],
    ["repeat", "Repeat it", repeatSection(report, table, marks)],
  ];
  const present = sections.filter(([, , { markup }]) => markup.trim() !== "");
  return reportPage({
    title: report.title,
    subtitle: report.subtitle,
    style: STUDY_STYLE + INSPECT_STYLE,
    script: FILTER_SCRIPT,
    body: [
      html`
        <nav aria-label="Sections">
          <ul>${present.map(([id, title]) =>
            html`<li><a href="${`#${id}`}">${title}</a></li>`
          )}</ul>
        </nav>
      `,
      filters(table, marks),
      present.map(([, , section]) => section),
    ],
  });
}
