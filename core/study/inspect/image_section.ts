import { formatNumber, formatShare } from "../format.ts";
import { type Html, html } from "../html.ts";
import type { AdapterSummary, InspectedImage } from "./inspection.ts";
import { imageUrl, mapUrl, type Square } from "./picture.ts";

/** An image with what is known of it. */
export interface ShownImage extends Square {
  /** Index of its class, where that is known. */
  readonly label?: number;
  /** Heads it where it has no label. */
  readonly name: string;
}

/** What one section is made from. */
export interface ImageView {
  readonly shown: ShownImage;
  readonly found: InspectedImage;
  readonly adapters: readonly AdapterSummary[];
  readonly classes: readonly string[];
  /** Attention head by head too. */
  readonly heads: boolean;
}

interface Row {
  readonly title: string;
  /** One a block; nothing where there is no map. */
  readonly cells: readonly (Cell | undefined)[];
}

interface Cell {
  readonly map: readonly number[];
  readonly most: number;
  readonly unit: "share" | "length";
}

/** An image, what the class token attends to, and what each expert adds. */
export function imageSection(view: ImageView, level: 2 | 3 = 2): Html {
  const { shown, found, heads } = view;
  const title = titleOf(view);
  const rows = [
    attentionRow(found),
    ...expertRows(view),
  ];
  const blocks = found.attention.map((_, i) => i);
  return html`
    <section class="inspected">
      ${level === 2 ? html`<h2>${title}</h2>` : html`<h3>${title}</h3>`}
      <div class="beside-image">
        <img class="original" src="${imageUrl(shown)}" width="${shown.size}"
          height="${shown.size}" alt="${`The image ${shown.name}`}">
        <div class="scroll" tabindex="0" role="region" aria-label="${`Maps of ${shown.name}`}">
          ${grid(rows, blocks, shown)}
        </div>
      </div>
      ${heads && html`
        <details>
          <summary>Attention head by head</summary>
          <div class="scroll" tabindex="0" role="region" aria-label="${`Heads, ${shown.name}`}">
            ${grid(headRows(found), blocks, shown)}
          </div>
        </details>
      `}
    </section>
  `;
}

function titleOf({ shown, found, classes }: ImageView): string {
  const { probabilities } = found;
  const said = probabilities.indexOf(Math.max(...probabilities));
  const share = `${formatShare(probabilities[said])} %`;
  const name = classes[said] ?? `class ${said}`;
  if (shown.label === undefined) {
    return `${shown.name}: taken for ${name} with ${share}`;
  }
  const truth = classes[shown.label] ?? `class ${shown.label}`;
  return said === shown.label
    ? `${shown.name} shows ${truth}, recognized with ${share}`
    : `${shown.name} shows ${truth}, taken for ${name} with ${share}`;
}

function attentionRow({ attention }: InspectedImage): Row {
  return {
    title: "class token’s attention",
    cells: attention.map(({ mean }) => ({
      map: mean,
      most: Math.max(...mean),
      unit: "share",
    })),
  };
}

function headRows({ attention }: InspectedImage): Row[] {
  return attention[0].heads.map((_, head) => ({
    title: `head ${head + 1}`,
    cells: attention.map(({ heads }) => ({
      map: heads[head],
      most: Math.max(...heads[head]),
      unit: "share",
    })),
  }));
}

/** Branches one after the other, their experts below each other. */
function expertRows({ adapters, found }: ImageView): Row[] {
  const blocks = found.attention.map((_, i) => `blocks.${i}`);
  const kinds = [...new Set(adapters.map(({ name }) => kindOf(name)))];
  return kinds.flatMap((kind) => {
    const own = blocks.map((block) =>
      adapters.findIndex(({ name }) => name === `${block}.${kind}`)
    );
    const experts = Math.max(
      ...own.map((i) => found.adapters[i]?.classToken.length ?? 0),
    );
    return Array.from({ length: experts }, (_, e) => ({
      title: `${kind}, expert ${e + 1}`,
      cells: own.map((i): Cell | undefined => {
        const maps = found.adapters[i]?.maps ?? [];
        return maps.length === 0 ? undefined : {
          map: maps[e],
          most: Math.max(...maps.flat()),
          unit: "length",
        };
      }),
    }));
  });
}

/** `attn` or `mlp`. */
function kindOf(name: string): string {
  return name.split(".").at(-1) ?? name;
}

function grid(
  rows: readonly Row[],
  blocks: readonly number[],
  image: ShownImage,
): Html {
  return html`
    <table class="grid" style="--blocks:${blocks.length}">
      <thead>
        <tr><td></td>${blocks.map((block) =>
          html`<th scope="col">${block + 1}</th>`
        )}</tr>
      </thead>
      <tbody>${rows.map(({ title, cells }) =>
        html`
          <tr><th scope="row">${title}</th>${cells.map((cell, block) =>
            cell
              ? html`<td><img src="${
                mapUrl(image, cell.map, cell.most)
              }" alt="${altOf(title, block, cell)}" title="${
                altOf(title, block, cell)
              }"></td>`
              : html`<td class="none" title="Only the class token passes here">class token</td>`
          )}</tr>
        `
      )}</tbody>
    </table>
  `;
}

/** Where it is strongest, and how strong. */
function altOf(title: string, block: number, { map, unit }: Cell): string {
  const most = Math.max(...map);
  const side = Math.round(Math.sqrt(map.length));
  const at = map.indexOf(most);
  const value = unit === "share"
    ? `${formatShare(most)} %`
    : `length ${formatNumber(most)}`;
  return `${title}, block ${block + 1}: strongest in row ${
    Math.floor(at / side) + 1
  }, column ${at % side + 1} of ${side}, ${value}`;
}
