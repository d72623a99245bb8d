import type { EpochRecord } from "../../train/records.ts";
import type { Configured } from "../aggregate.ts";
import type { Html } from "../html.ts";
import type { RunResult } from "../run_result.ts";
import type { RunState } from "../study_directory.ts";

/** What a run is made from, of a plan or of a result. */
export interface RunOrigin extends Configured {
  readonly data: Pick<RunResult["data"], "hash" | "name">;
}

/** A run of a study as its report shows it. */
export interface StudyRun {
  /** Its identity, and the name of its folder. */
  readonly hash: string;
  readonly origin: RunOrigin;
  readonly state: RunState;
  /** Trained numbers without the head. */
  readonly parameters: number;
  /** Why it failed. */
  readonly error?: string;
  /** Present where it is done. */
  readonly result?: RunResult;
  /** For each test image, 1 where it is right; absent where that is lost. */
  readonly right?: Uint8Array;
  /** In order; those of a run under way too. */
  readonly epochs: readonly EpochRecord[];
  /** Repeats it outside of the study. */
  readonly command: string;
  /** Its `config.json`, relative to the report; absent if it has none yet. */
  readonly configPath?: string;
}

/** All that {@linkcode studyReport} shows. */
export interface StudyReport {
  /** Heads the page. */
  readonly title: string;
  /** Version, date, engine. */
  readonly subtitle: string;
  /** Every run, those that are not done too. */
  readonly runs: readonly StudyRun[];
  /** The name of a setting, or a method for its first; by default `linear`. */
  readonly baseline?: string;
  /** Commands that repeat the whole. */
  readonly repeat: readonly string[];
  /** A section about what the experts learn. */
  readonly experts?: Html;
}
