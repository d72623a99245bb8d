/**
 * A comparison as text.
 *
 * @module
 */

import { bytes, percent } from "../../cli/format.ts";
import { table } from "../../cli/table.ts";
import type { Reached } from "./rounds.ts";
import { type Figure, figureOf, ratioOf } from "./statistics.ts";

/** A peer that was looked for. */
export interface Looked {
  readonly name: string;
  /** What it said it is. */
  readonly description?: string;
  /** Why there is none, and what to do. */
  readonly missing?: { readonly reason: string; readonly install: string };
}

/** What was reached in one work. */
export interface WorkResult {
  readonly work: string;
  /** Operations for each image. */
  readonly flops: number;
  readonly reached: readonly Reached[];
}

/** All that a comparison found. */
export interface Comparison {
  /** When it began, ISO 8601. */
  readonly date: string;
  /** Processor, system, versions, and load before and after. */
  readonly machine: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** Each one's column, others before ours. */
  readonly peers: readonly Looked[];
  /** Names of our own peers. */
  readonly ours: readonly string[];
  /** GFLOP/s of products of square matrices. */
  readonly products: readonly {
    readonly size: number;
    readonly rates: readonly { readonly peer: string; readonly rate: Figure }[];
  }[];
  readonly works: readonly WorkResult[];
  /** Peak memory of a process that did one work. */
  readonly memory?: {
    readonly work: string;
    readonly peaks: readonly {
      readonly peer: string;
      readonly bytes: number;
    }[];
  };
  /** Speed on all threads over the speed on one. */
  readonly scaling?: {
    readonly work: string;
    readonly threads: number;
    readonly ratios: readonly {
      readonly peer: string;
      readonly ratio: Figure;
    }[];
  };
}

/** The whole comparison as lines. */
export function comparisonLines(found: Comparison): string[] {
  const { machine, peers, rounds } = found;
  const lines = Object.entries(machine).map(([what, text]) =>
    `${what}: ${text}`
  );
  for (const { name, description, missing } of peers) {
    lines.push(
      missing
        ? `${name}: not found (${missing.reason}); ${missing.install}`
        : `${name}: ${description}`,
    );
  }
  lines.push(...productLines(found));
  if (found.works.length > 0) {
    lines.push("", "Images a second", "", ...speedTable(found));
    lines.push("", "Ratios", "", ...ratioTable(found));
    lines.push("", "GFLOP/s, and share of GEMM", "", ...rateTable(found));
    lines.push("", "First step, seconds", "", ...firstTable(found));
  }
  lines.push(...memoryLines(found), ...scalingLines(found));
  lines.push(
    "",
    `Medians of ${rounds} rounds in which each had its turn, in brackets the ` +
      "least and the most.",
  );
  return lines;
}

/** Names of the columns that have a figure. */
function present({ peers, works }: Comparison): string[] {
  return peers.map(({ name }) => name).filter((name) =>
    works.some(({ reached }) => reached.some(({ peer }) => peer === name))
  );
}

function find(result: WorkResult, name: string): Reached | undefined {
  return result.reached.find(({ peer }) => peer === name);
}

function grid(
  found: Comparison,
  titles: readonly string[],
  cell: (result: WorkResult, title: string) => string | undefined,
): string[] {
  const columns = titles.map((title) => ({ title, align: "right" as const }));
  return table(
    [{ title: "work" }, ...columns],
    found.works.map((result) => [
      result.work,
      ...titles.map((title) => cell(result, title) ?? "–"),
    ]),
  );
}

function speedTable(found: Comparison): string[] {
  return grid(found, present(found), (result, name) => {
    const speed = find(result, name)?.speed;
    return speed && spread(speed);
  });
}

function ratioTable(found: Comparison): string[] {
  const names = present(found);
  const { ours } = found;
  const others = names.filter((name) => !ours.includes(name));
  const pairs = new Map(
    names.filter((name) => ours.includes(name)).flatMap((name) =>
      others.map((other) => [`${name} / ${other}`, [name, other]])
    ),
  );
  if (pairs.size === 0) return ["(no peer to compare with)"];
  return grid(found, [...pairs.keys()], (result, title) => {
    const [name, other] = pairs.get(title) ?? [];
    const [a, b] = [find(result, name), find(result, other)];
    return a && b && spread(ratioOf(a.speed, b.speed), 2);
  });
}

function rateTable(found: Comparison): string[] {
  return grid(found, present(found), (result, name) => {
    const reached = find(result, name);
    // Others are held against our fastest product on this machine.
    const gemm = reached?.gemm ?? result.reached.find((one) => one.gemm)?.gemm;
    if (!reached) return undefined;
    const values = reached.speed.values.map((v) => v * result.flops / 1e9);
    const rate = figureOf(values);
    const share = gemm && percent(ratioOf(rate, gemm).median, 0);
    return [rate.median.toPrecision(3), share].filter(Boolean).join(" · ");
  }).concat(gemmLines(found));
}

function firstTable(found: Comparison): string[] {
  return grid(
    found,
    present(found),
    (result, name) => find(result, name)?.firstSeconds?.toFixed(2),
  );
}

function productLines({ products, peers }: Comparison): string[] {
  if (products.length === 0) return [];
  const names = peers.map(({ name }) => name).filter((name) =>
    products[0].rates.some(({ peer }) => peer === name)
  );
  const rows = products.map(({ size, rates }) => [
    `${size} × ${size}`,
    ...names.map((name) => {
      const found = rates.find(({ peer }) => peer === name);
      return found ? spread(found.rate) : "–";
    }),
  ]);
  const columns = names.map((title) => ({ title, align: "right" as const }));
  return [
    ...["", "Products of square matrices, GFLOP/s", ""],
    ...table([{ title: "size" }, ...columns], rows),
  ];
}

function gemmLines({ works, ours }: Comparison): string[] {
  const lines: string[] = [];
  for (const name of ours) {
    const values = works.flatMap((result) =>
      find(result, name)?.gemm?.values ?? []
    );
    if (values.length === 0) continue;
    lines.push(`GEMM of ${name}: ${spread(figureOf(values))} GFLOP/s`);
  }
  return lines.length > 0 ? ["", ...lines] : [];
}

function memoryLines({ memory }: Comparison): string[] {
  if (!memory) return [];
  const rows = memory.peaks.map(({ peer, bytes: peak }) => [
    peer,
    bytes(peak),
    `${Math.round(peak / 2 ** 20)} MiB`,
  ]);
  const columns = ["", "", ""].map((title) => ({ title }));
  return ["", `Peak memory, ${memory.work}`, "", ...table(columns, rows)];
}

function scalingLines({ scaling }: Comparison): string[] {
  if (!scaling) return [];
  const { work, threads, ratios } = scaling;
  const rows = ratios.map(({ peer, ratio }) => [peer, spread(ratio, 2)]);
  const columns = ["", ""].map((title) => ({ title }));
  const title = `Speed on ${threads} threads over that on one, ${work}`;
  return ["", title, "", ...table(columns, rows)];
}

/** "141 (134–150)". */
export function spread({ median, low, high }: Figure, digits?: number): string {
  const places = digits ?? (median >= 100 ? 0 : median >= 10 ? 1 : 2);
  const [a, b, c] = [median, low, high].map((v) => v.toFixed(places));
  return `${a} (${b}–${c})`;
}
