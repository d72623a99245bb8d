import type { RunConfig } from "../train/run_config.ts";
import type { SafetensorsFile } from "../weights/safetensors.ts";
import type { ExportedFiles } from "./exported_model.ts";

/** An adapter that is to be written for other programs. */
export interface TrainedAdapter {
  /** How it was trained, and on what. */
  readonly config: RunConfig;
  /** The run's file of it. */
  readonly file: SafetensorsFile;
  /** What other programs call the backbone; left out, as it was trained with. */
  readonly base?: string;
}

/** A layout of adapters that other programs load. */
export interface AdapterFormat {
  /** As on the command line. */
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /**
   * Encodes an adapter.
   *
   * @throws {RangeError} If the layout has no word for its method or model.
   */
  encode(adapter: TrainedAdapter): ExportedFiles;
}
