import { type Html, html } from "../html.ts";
import { reportPage } from "../page.ts";
import { imageSection, type ShownImage } from "./image_section.ts";
import type { Inspection } from "./inspection.ts";
import { expertSummary } from "./summary_section.ts";

export type { ShownImage } from "./image_section.ts";

/** All that {@linkcode inspectPage} shows. */
export interface InspectReport {
  readonly title: string;
  readonly subtitle: string;
  readonly inspection: Inspection;
  /** As many as were inspected. */
  readonly images: readonly ShownImage[];
  readonly classes: readonly string[];
  /** Attention head by head too. */
  readonly heads: boolean;
}

/** What the maps' pages and sections add to the style of every report. */
export const INSPECT_STYLE = `
.inspected h3 { margin: 1.5rem 0 .5rem; }
.beside-image { display: flex; gap: 1.25rem; align-items: flex-start; }
.beside-image .scroll { min-width: 0; }
.original { width: 6rem; height: 6rem; image-rendering: pixelated; border-radius: 4px; flex: none; }
.grid th, .grid td { padding: 1px 2px; text-align: center; vertical-align: middle; }
.grid tbody tr { border: 0; }
.grid thead th { border: 0; text-align: center; }
.grid tbody th { font-weight: 400; text-align: right; white-space: nowrap; padding-right: .6rem; }
.grid { --map: clamp(3.25rem, calc(46rem / var(--blocks)), 5.5rem); }
.grid img { display: block; width: var(--map); height: var(--map); image-rendering: pixelated; border-radius: 3px; }
.grid .none { width: var(--map); font-size: .7rem; line-height: 1.1; color: var(--quiet); border: 1px dashed var(--rule); border-radius: 3px; }
@media (max-width: 40rem) { .grid { --map: 3.25rem; } .beside-image { flex-direction: column; } .beside-image .scroll { max-width: 100%; } }
@media print { .inspected { break-inside: avoid !important; } .grid img, .original { print-color-adjust: exact; } .grid { --map: clamp(2.2rem, calc(26rem / var(--blocks)), 4rem); } }
`;

/** How to read the maps. */
export function mapNote({ adapters }: Inspection): Html {
  return html`
    <p class="note">Columns are blocks. Attention is softmax(q k) of the class
      token, mean over heads, over the patches; each map is as bright as its own
      strongest patch.${adapters.length > 0 &&
        " A map of an expert is the length of what it adds to each token on its way into the branch (attn, mlp); the maps of one adapter share their scale, so that experts compare, and blocks do not."}</p>
  `;
}

/**
 * Writes what was found inside of a run's model as a page that opens from disk.
 *
 * @returns An HTML document that loads nothing.
 */
export function inspectPage(report: InspectReport): string {
  const { title, subtitle, inspection, images, classes, heads } = report;
  const { adapters } = inspection;
  return reportPage({
    title,
    subtitle,
    style: INSPECT_STYLE,
    body: [
      html`
        <section>
          <h2>What the experts learn</h2>
          ${expertSummary(inspection)}
        </section>
        <section><h2>Maps</h2>${mapNote(inspection)}</section>
      `,
      images.map((shown, i) =>
        imageSection({
          shown,
          found: inspection.images[i],
          adapters,
          classes,
          heads,
        })
      ),
    ],
  });
}
