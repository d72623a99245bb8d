import * as Plot from "@observablehq/plot";
import { csvLink } from "../csv.ts";
import { formatFixed, formatPlural } from "../format.ts";
import { type Html, html } from "../html.ts";
import { drawPlot } from "../plot.ts";
import type { AdapterSummary, Inspection } from "./inspection.ts";
import { meanOffDiagonal } from "./experts.ts";

/** Text or a dash for what is not a number. */
function decimals(value: number | null, digits = 2): string {
  return formatFixed(value ?? NaN, digits).replace("-", "−");
}

/** `1`, `.4`, `−.4`, or `0` for what would round to it. */
function shortCosine(value: number): string {
  if (Math.abs(value) < 0.05) return "0";
  return decimals(value, 1).replace("0.", ".").replace(/\.0$/, "");
}

/** In two sentences, how alike the experts are. */
export function expertSentences(
  { adapters, overall, images }: Inspection,
): string {
  const experts = adapters[0]?.cosines.delta.length ?? 0;
  if (experts === 0) {
    return "The method has no experts: only attention can be shown.";
  }
  if (experts === 1) {
    return "There is one expert: it has nothing to differ from.";
  }
  const { mapCorrelation, matrices } = overall;
  const where = mapCorrelation === null
    ? ""
    : `On ${formatPlural(images.length, "image")} the maps of two experts of ` +
      `an adapter correlate by ${decimals(mapCorrelation)} on average ` +
      "(1: they act at the same places; 0: where one acts says nothing of the " +
      "other; below 0: where one acts the other does not). ";
  return where +
    `As matrices, two experts have a cosine of ${decimals(matrices)} in size ` +
    "on average (0: what they compute is orthogonal; 1: it is the same).";
}

/** How alike the experts are, and what that says of the paper's claim. */
export function expertSummary(inspection: Inspection): Html {
  const { adapters } = inspection;
  const several = (adapters[0]?.cosines.delta.length ?? 0) > 1;
  return html`
    <p class="lead">${expertSentences(inspection)}</p>
    ${several && html`
      <p class="note">The paper says that experts attend to complementary cues.
        A map shows where and how strongly an expert changes the tokens, not
        what it changes in them: maps that differ speak for the claim, but maps
        that agree do not speak against it, for experts may write into other
        directions at the same place, which is what the cosine of the matrices
        measures. A low cosine alone is no evidence either: independent random
        matrices of this size have one near 0. A few images of one run prove
        nothing of others, and whether an expert’s part matters for the answer
        is not measured here.</p>
      ${similarity(adapters)}
    `}
    ${adapters.length > 0 && table(adapters)}
  `;
}

const CELL = 26;

/** The cosines of every adapter, blocks side by side. */
function similarity(adapters: readonly AdapterSummary[]): Html {
  const cells = adapters.flatMap(({ name, cosines }) => {
    const [, block, kind] = name.split(".");
    return cosines.delta.flatMap((row, a) =>
      row.map((cosine, b) => ({
        block: Number(block) + 1,
        kind,
        a: a + 1,
        b: b + 1,
        cosine,
      }))
    ).filter(({ cosine }) => Number.isFinite(cosine));
  });
  type Entry = typeof cells[number];
  const experts = adapters[0].cosines.delta.length;
  const blocks = new Set(cells.map(({ block }) => block)).size;
  const kinds = new Set(cells.map(({ kind }) => kind)).size;
  const side = Math.min(CELL * experts, 110);
  const at = { x: "b", y: "a", fx: "block", fy: "kind" } as const;
  const strength = ({ cosine }: Entry) => 0.05 + 0.9 * Math.abs(cosine);
  const text = (data: Entry[], fill: string) =>
    side / experts < 22 ? [] : [Plot.text(data, {
      ...at,
      text: ({ cosine }: Entry) => shortCosine(cosine),
      fontSize: 9,
      fill,
    })];
  const file = {
    file: "experts.csv",
    columns: ["block", "branch", "expert", "other", "cosine"],
    rows: cells.map((
      { block, kind, a, b, cosine },
    ) => [block, kind, a, b, cosine]),
  };
  const width = 54 + blocks * (side + 10);
  return html`
    <figure>
      <h3>Cosine between experts, as matrices</h3>
      <div class="scroll" tabindex="0" role="region"
        aria-label="Cosine between experts">
        ${drawPlot({
          width,
          height: 40 + kinds * (side + 10),
          marginLeft: 46,
          marginTop: 36,
          marginRight: 4,
          marginBottom: 4,
          opacity: { type: "identity" },
          x: { axis: null, padding: 0.04 },
          y: { axis: null, padding: 0.04 },
          fx: {
            label: "block",
            labelArrow: "none",
            labelAnchor: "left",
            axis: "top",
            padding: 0.1,
          },
          fy: { label: null, axis: "left", padding: 0.1 },
          marks: [
            ...["right", "wrong"].map((sign) =>
              Plot.cell(
                cells.filter(({ cosine }) =>
                  (cosine >= 0) === (sign === "right")
                ),
                {
                  ...at,
                  fill: `var(--heat-${sign})`,
                  fillOpacity: strength,
                  title: ({ block, kind, a, b, cosine }: Entry) =>
                    `block ${block}, ${kind}, experts ${a} and ${b}: ${
                      decimals(cosine, 3)
                    }`,
                },
              )
            ),
            ...text(cells.filter((c) => strength(c) < 0.6), "currentColor"),
            ...text(cells.filter((c) => strength(c) >= 0.6), "var(--on-heat)"),
          ],
        }, describe(adapters))}
      </div>
      <figcaption>Blue is above 0, orange below. ${csvLink(file)}</figcaption>
    </figure>
  `;
}

function describe(adapters: readonly AdapterSummary[]): string {
  const parts = adapters.map(({ name, cosines }) =>
    `${name} ${decimals(meanOffDiagonal(cosines.delta, Math.abs))}`
  );
  return "Cosines between the experts of each adapter. Their mean size is, " +
    `adapter by adapter: ${parts.join("; ")}.`;
}

function table(adapters: readonly AdapterSummary[]): Html {
  const size = (matrix: number[][]) =>
    decimals(meanOffDiagonal(matrix, Math.abs));
  const heads = [
    "|cosine| of matrices",
    "of S alone",
    "of D U alone",
    "correlation of maps",
    "cosine of maps",
    "change by each expert, %",
  ];
  return html`
    <details>
      <summary>Adapter by adapter</summary>
      <div class="scroll" tabindex="0" role="region"
        aria-label="Adapters in numbers">
        <table>
          <thead>
            <tr><th scope="col">adapter</th>${heads.map((head) =>
              html`<th scope="col" class="number">${head}</th>`
            )}</tr>
          </thead>
          <tbody>${adapters.map(({ name, cosines, maps, change }) =>
            html`
              <tr>
                <th scope="row">${name}</th>
                <td class="number">${size(cosines.delta)}</td>
                <td class="number">${size(cosines.mix)}</td>
                <td class="number">${size(cosines.product)}</td>
                <td class="number">${decimals(
                  maps && meanOffDiagonal(maps.correlation),
                )}</td>
                <td class="number">${decimals(
                  maps && meanOffDiagonal(maps.cosine),
                )}</td>
                <td class="number">${change.map((value) =>
                  decimals(value * 100, 1)
                ).join(" · ")}</td>
              </tr>
            `
          )}</tbody>
        </table>
      </div>
      <p class="note">Means over pairs of experts. The matrix of an expert is
        S ⊗ D U, and its cosine the product of those of S and of D U. A change
        is the length of what an expert adds to a token, as a share of the
        token’s own length, mean over tokens and images.</p>
    </details>
  `;
}
