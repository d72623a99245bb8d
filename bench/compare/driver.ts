/**
 * Starts the peers and measures the works on them.
 *
 * @module
 */

import { Peer, type PeerCommand } from "./peer_process.ts";
import type { Comparison, Looked, WorkResult } from "./report.ts";
import { type Effort, measureInTurn, multiplyInTurn } from "./rounds.ts";
import { ratioOf } from "./statistics.ts";
import { flopsOf, type Work } from "./works.ts";

/** A column of the table. */
export interface Column {
  readonly name: string;
  /** Ways to start it; the first that says hello is taken. */
  readonly commands: readonly PeerCommand[];
  /** Ours are compared with the others, and multiply matrices beside. */
  readonly ours?: boolean;
  /** Exports models for those that need one. */
  readonly exports?: boolean;
  /** Does inference only, of models that another one exports. */
  readonly needsExport?: boolean;
  /** Starts it on one thread, where scaling is measured. */
  readonly single?: PeerCommand;
}

/** What to compare. */
export interface ComparisonRequest {
  readonly columns: readonly Column[];
  readonly works: readonly Work[];
  /** Sizes of square matrices to multiply. */
  readonly sizes: readonly number[];
  readonly effort: Effort;
  /** Where exported models lie for a while. */
  readonly folder: string;
  /** Whose peak memory to measure. */
  readonly memoryWork?: Work;
  /** Whose scaling to measure. */
  readonly scalingWork?: Work;
  /** Of the columns that scale. */
  readonly threads: number;
  /** Told what is being done. */
  progress(text: string): void;
}

/** What the driver finds; whoever calls it knows date and machine. */
export type Found = Omit<Comparison, "date" | "machine">;

interface Started {
  readonly column: Column;
  readonly command: PeerCommand;
  readonly peer: Peer;
}

/**
 * Compares.
 *
 * @throws {TypeError} If a peer that was found fails.
 */
export async function compare(request: ComparisonRequest): Promise<Found> {
  const looked: Looked[] = [];
  const started: Started[] = [];
  try {
    for (const column of request.columns) {
      request.progress(`starting ${column.name}`);
      looked.push(await start(column, started));
    }
    const products = await measureProducts(started, request);
    const works: WorkResult[] = [];
    for (const work of request.works) {
      works.push(await measureWork(work, started, request));
    }
    const scaling = await measureScaling(started, request);
    // Nothing else of the comparison shall hold memory or time then.
    await stopAll(started);
    const memory = await measureMemory(started, request);
    const ours = request.columns.filter((column) => column.ours)
      .map(({ name }) => name);
    const { rounds } = request.effort;
    const base = { rounds, peers: looked, ours };
    return { ...base, products, works, memory, scaling };
  } finally {
    await stopAll(started);
  }
}

async function stopAll(started: readonly Started[]): Promise<void> {
  for (const { peer } of started) await peer.stop();
}

async function start(column: Column, started: Started[]): Promise<Looked> {
  const { name, commands } = column;
  let reason = "";
  let install = "";
  for (const command of commands) {
    const peer = await Peer.start(command);
    if (peer instanceof Peer) {
      started.push({ column, command, peer });
      return { name, description: peer.description };
    }
    reason ||= peer;
    install = command.install;
  }
  return { name, missing: { reason, install } };
}

async function measureProducts(
  started: readonly Started[],
  { sizes, effort, progress }: ComparisonRequest,
): Promise<Comparison["products"]> {
  const peers = started.filter(({ column }) => !column.needsExport)
    .map(({ peer }) => peer);
  const products: Comparison["products"][number][] = [];
  for (const size of sizes) {
    progress(`multiplying matrices of ${size} × ${size}`);
    const rates = await multiplyInTurn(peers, size, effort.rounds);
    products.push({ size, rates });
  }
  return products;
}

async function measureWork(
  work: Work,
  started: readonly Started[],
  { effort, folder, progress }: ComparisonRequest,
): Promise<WorkResult> {
  progress(`measuring ${work.name}`);
  const exporter = started.find(({ column }) => column.exports);
  const able = started.filter(({ column }) =>
    !column.needsExport || (work.kind === "inference" && exporter)
  );
  let onnx: string | undefined;
  if (exporter && able.some(({ column }) => column.needsExport)) {
    onnx = `${folder}/${work.name}.onnx`;
    await exporter.peer.ask({ do: "export", work, path: onnx });
  }
  const peers = able.map(({ peer }) => peer);
  const yardsticks = able.filter(({ column }) => column.ours)
    .map(({ column }) => column.name);
  const reached = await measureInTurn(peers, work, effort, {
    onnx,
    yardsticks,
  });
  if (onnx !== undefined) await Deno.remove(onnx);
  return { work: work.name, flops: flopsOf(work) / work.batch, reached };
}

/** Steps after which a process has had all its memory. */
const MEMORY_STEPS = 2;

async function measureMemory(
  started: readonly Started[],
  { memoryWork: work, progress }: ComparisonRequest,
): Promise<Comparison["memory"]> {
  if (!work) return undefined;
  const peaks: { peer: string; bytes: number }[] = [];
  for (const { column, command } of started) {
    if (column.needsExport) continue;
    progress(`measuring the memory of ${column.name}`);
    const peer = await Peer.start(command);
    if (!(peer instanceof Peer)) continue;
    try {
      await peer.ask({ do: "open", work });
      await peer.ask({ do: "run", steps: MEMORY_STEPS });
      const { bytes = NaN } = await peer.ask({ do: "memory" });
      peaks.push({ peer: column.name, bytes });
    } finally {
      await peer.stop();
    }
  }
  return { work: work.name, peaks };
}

async function measureScaling(
  started: readonly Started[],
  { scalingWork: work, effort, threads, progress }: ComparisonRequest,
): Promise<Comparison["scaling"]> {
  if (!work) return undefined;
  const ratios: NonNullable<Comparison["scaling"]>["ratios"][number][] = [];
  for (const { column, peer } of started) {
    if (!column.single) continue;
    progress(`measuring the scaling of ${column.name}`);
    const single = await Peer.start(column.single);
    if (!(single instanceof Peer)) continue;
    try {
      const [one, all] = await measureInTurn([single, peer], work, effort);
      const ratio = ratioOf(all.speed, one.speed);
      ratios.push({ peer: column.name, ratio });
    } finally {
      await single.stop();
    }
  }
  return { work: work.name, threads, ratios };
}
