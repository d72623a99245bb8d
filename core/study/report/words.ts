/**
 * Numbers, names and marks that the sections of a study's report share.
 *
 * @module
 */

import { type CurveStyle, curveStyle } from "../curve_chart.ts";
import { formatFixed, formatShare } from "../format.ts";
import { type Html, html } from "../html.ts";
import type { Difference } from "./paired.ts";
import type { StudyCell, StudySetting, StudyTable } from "./study_cells.ts";

/** A difference of shares in points, signed: `+1.2`, `−0.4`, `0.0`. */
export function formatPoints(share: number): string {
  const size = formatFixed(Math.abs(share) * 100, 1);
  if (size === "0.0" || !Number.isFinite(share)) return size;
  return (share < 0 ? "−" : "+") + size;
}

/** `+0.4 to +1.9`. */
export function formatInterval({ low, high }: Difference): string {
  return `${formatPoints(low)} to ${formatPoints(high)}`;
}

/** `87.3 ± 0.4`, or why there is no number. */
export function cellText(cell: StudyCell | undefined): string {
  if (!cell || cell.count === 0) return missingText(cell);
  const spread = cell.std === undefined ? "" : ` ± ${formatShare(cell.std)}`;
  return formatShare(cell.mean) + spread;
}

/** Why a cell has no number. */
export function missingText(cell: StudyCell | undefined): string {
  const states = new Set(cell?.runs.map(({ state }) => state));
  if (states.size === 0) return "not in the study";
  if (states.has("running")) return "running";
  if (states.has("failed")) return "failed";
  return states.has("done") ? "incomplete" : "pending";
}

/** A chart's group: what one colour and symbol stand for. */
export interface Group {
  readonly name: string;
  readonly style: CurveStyle;
  readonly settings: readonly StudySetting[];
}

/**
 * Settings by method or, where there is one method only, by the first axis that
 * varies.
 */
export function groupsOf({ settings, axes }: StudyTable): Group[] {
  const methods = new Set(settings.map(({ method }) => method));
  const axis = methods.size > 1 ? undefined : axes[1];
  const groups = Map.groupBy(
    settings,
    ({ method, values }) =>
      axis === undefined ? method : `${axis} ${values.get(axis) ?? "–"}`,
  );
  const main = groups.has("alore") ? "alore" : groups.keys().next().value;
  const others = [...groups.keys()].filter((name) => name !== main);
  return [...groups].map(([name, own]) => {
    const index = name === main ? undefined : others.indexOf(name);
    return { name, settings: own, style: curveStyle(index) };
  });
}

/** Classes by which the filters find what belongs to a method or data set. */
export class Marks {
  readonly #methods: readonly string[];
  readonly #datasets: readonly string[];

  constructor({ settings, datasets }: StudyTable) {
    this.#methods = [...new Set(settings.map(({ method }) => method))];
    this.#datasets = [...datasets.keys()];
  }

  /** Methods in the order of the tables; the index is the mark's. */
  get methods(): readonly string[] {
    return this.#methods;
  }

  /** The class of a method. */
  method(name: string): string {
    return `method-${this.#methods.indexOf(name)}`;
  }

  /** The class of a data set by its hash. */
  task(data: string): string {
    return `task-${this.#datasets.indexOf(data)}`;
  }
}

const WIDTH = 168;
const PAD = 6;

/** From where to where the intervals of some differences reach, with 0. */
export function reachOf(
  differences: readonly (Difference | undefined)[],
): readonly [number, number] {
  const ends = differences.flatMap((d) => d ? [d.low, d.high] : []);
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  return high > low ? [low, high] : [low - 0.01, high + 0.01];
}

/** A difference and its interval on a line; the numbers stand beside it. */
export function intervalBar(
  difference: Difference | undefined,
  [low, high]: readonly [number, number],
): Html {
  if (!difference) return html``;
  const at = (share: number) =>
    (PAD + (share - low) / (high - low) * (WIDTH - 2 * PAD)).toFixed(1);
  const { mean } = difference;
  return html`
    <svg class="interval ${verdictOf(difference)}" viewBox="0 0 ${WIDTH} 18"
      width="${WIDTH}" height="18" aria-hidden="true">
      <line class="zero" x1="${at(0)}" x2="${at(0)}" y1="0" y2="18" />
      <line class="span" x1="${at(difference.low)}" x2="${at(difference.high)}"
        y1="9" y2="9" />
      <circle cx="${at(mean)}" cy="9" r="4" />
    </svg>
  `;
}

/** What an interval says of a difference. */
export function verdictOf(
  { low, high }: Difference,
): "better" | "worse" | "level" {
  if (low > 0) return "better";
  return high < 0 ? "worse" : "level";
}
