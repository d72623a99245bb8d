/**
 * Measures peers in turn, so that whatever else the machine does falls on all.
 *
 * @module
 */

import type { Peer } from "./peer_process.ts";
import type { Request } from "./protocol.ts";
import { type Figure, figureOf } from "./statistics.ts";
import type { Work } from "./works.ts";

/** How long to measure. */
export interface Effort {
  /** Turns of each peer, at least 1. */
  readonly rounds: number;
  /** Seconds that a turn should last; always at least one step. */
  readonly turn: number;
}

/** What one peer reached in one work. */
export interface Reached {
  readonly peer: string;
  /** Images a second. */
  readonly speed: Figure;
  /** Of the first step, with whatever was compiled for it. */
  readonly firstSeconds?: number;
  /** GFLOP/s of a large matrix product in the same rounds, of our engines. */
  readonly gemm?: Figure;
}

/** Steps that fill a turn, after one step took `seconds`. */
export function stepsFor(seconds: number, turn: number): number {
  return Math.max(1, Math.round(turn / seconds));
}

function gemm(size: number): Request {
  return { do: "gemm", size, runs: 5 };
}

/**
 * Multiplies square matrices on several peers, in turn.
 *
 * @returns GFLOP/s of each.
 * @throws {TypeError} If a peer fails.
 */
export async function multiplyInTurn(
  peers: readonly Peer[],
  size: number,
  rounds: number,
): Promise<{ peer: string; rate: Figure }[]> {
  const rates = peers.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, peer] of peers.entries()) {
      const { gflops = NaN } = await peer.ask(gemm(size));
      rates[i].push(gflops);
    }
  }
  return peers.map(({ name }, i) => ({ peer: name, rate: figureOf(rates[i]) }));
}

/**
 * Measures a work on several peers, one turn after the other.
 *
 * @param yardsticks Names of the peers that also multiply matrices.
 * @throws {TypeError} If a peer fails.
 */
export async function measureInTurn(
  peers: readonly Peer[],
  work: Work,
  effort: Effort,
  options: { onnx?: string; yardsticks?: readonly string[] } = {},
): Promise<Reached[]> {
  const { onnx, yardsticks = [] } = options;
  const entries: {
    peer: Peer;
    steps: number;
    firstSeconds?: number;
    speeds: number[];
    gemm: number[];
  }[] = [];
  for (const peer of peers) {
    const opened = await peer.ask({ do: "open", work, onnx });
    const { seconds = NaN, firstSeconds } = opened;
    const steps = stepsFor(seconds, effort.turn);
    entries.push({ peer, steps, firstSeconds, speeds: [], gemm: [] });
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const { peer, steps, speeds, gemm: rates } of entries) {
      const { seconds = NaN } = await peer.ask({ do: "run", steps });
      speeds.push(steps * work.batch / seconds);
      if (!yardsticks.includes(peer.name)) continue;
      const { gflops = NaN } = await peer.ask(gemm(1024));
      rates.push(gflops);
    }
  }
  for (const { peer } of entries) await peer.ask({ do: "close" });
  return entries.map(({ peer, firstSeconds, speeds, gemm }) => ({
    peer: peer.name,
    speed: figureOf(speeds),
    firstSeconds,
    gemm: gemm.length > 0 ? figureOf(gemm) : undefined,
  }));
}
