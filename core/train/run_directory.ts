/**
 * The files of a run.
 *
 *     config.json              every option, resolved
 *     metrics.jsonl            one record an epoch, append-only
 *     adapter.safetensors      what trained, head included, after the last epoch
 *     adapter-best.safetensors the same at the best validation accuracy
 *     state/state.safetensors  what an exact resume needs
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { countOf, type Slot } from "../graph/graph.ts";
import {
  fromFloat32,
  readSafetensors,
  type SafetensorsFile,
  toFloat32,
  writeSafetensors,
} from "../weights/safetensors.ts";
import { makeFolder } from "../weights/unwritable.ts";
import {
  appendLine,
  refuseExisting,
  writeFile,
} from "../weights/write_file.ts";
import type { NamedTensors } from "../models/adapted_model.ts";
import { adapterMetadata } from "./adapter_file.ts";
import type { EpochRecord } from "./records.ts";
import { parseRunConfig, type RunConfig } from "./run_config.ts";

/** Where a run stands; saved with the optimizer's numbers. */
export interface RunProgress {
  /** Epochs that are complete. */
  readonly epoch: number;
  /** Steps done of the epoch after these. */
  readonly step: number;
  /** Sums over those steps, for the epoch's record. */
  readonly sums: {
    readonly loss: number;
    readonly correct: number;
    readonly images: number;
    readonly norm: number;
    readonly seconds: number;
  };
  /** The best validation accuracy so far and its epoch. */
  readonly best?: { readonly epoch: number; readonly top1: number };
}

/** Flat ranges of the trainable tensors and the optimizer. */
export interface OptimizerState {
  readonly trainable: Float32Array<ArrayBuffer>;
  readonly moment1: Float32Array<ArrayBuffer>;
  readonly moment2: Float32Array<ArrayBuffer>;
}

/** Which adapter of a run: after the last epoch, or at the best validation. */
export type AdapterKind = "last" | "best";

/** What to do where a new run's folder is there already. */
export const OTHER_RUN = "choose another --out, or continue it with --resume";

/** A run's folder. */
export class RunDirectory {
  readonly path: string;
  readonly config: RunConfig;

  private constructor(path: string, config: RunConfig) {
    this.path = path;
    this.config = config;
  }

  /**
   * Makes the folder of a new run.
   *
   * @throws {RangeError} If the path exists or cannot be written.
   */
  static async create(path: string, config: RunConfig): Promise<RunDirectory> {
    await refuseExisting(path, OTHER_RUN);
    await makeFolder(`${path}/state`);
    await writeFile(
      `${path}/config.json`,
      JSON.stringify(config, undefined, 2) + "\n",
    );
    return new RunDirectory(path, config);
  }

  /**
   * Opens the folder of a run.
   *
   * @throws {RangeError} If there is none.
   * @throws {SyntaxError} If its configuration is damaged.
   */
  static async open(path: string): Promise<RunDirectory> {
    const file = `${path}/config.json`;
    let text: string;
    try {
      text = await Deno.readTextFile(file);
    } catch (cause) {
      throw hinted(
        new RangeError(
          `Cannot open the run ${path}: got no readable config.json in it, ` +
            `wanted the folder that train --out made`,
          { cause },
        ),
        "give the run's folder, such as runs/photos",
      );
    }
    return new RunDirectory(path, parseRunConfig(text, file));
  }

  /** Where an adapter is stored. */
  adapterPath(kind: AdapterKind = "last"): string {
    const name = kind === "best" ? "adapter-best" : "adapter";
    return `${this.path}/${name}.safetensors`;
  }

  /** Stores the trained tensors with everything that merging needs. */
  async saveAdapter(
    kind: AdapterKind,
    tensors: NamedTensors,
    slots: ReadonlyMap<string, Pick<Slot, "shape">>,
    epoch: number,
  ): Promise<void> {
    const stored = [...tensors].map(([name, values]) =>
      [name, fromFloat32(values, [...slots.get(name)!.shape])] as const
    );
    await writeSafetensors(this.adapterPath(kind), {
      metadata: adapterMetadata(this.config, epoch),
      tensors: new Map(stored),
    }, { overwrite: true });
  }

  /**
   * Reads the trained tensors.
   *
   * @throws {RangeError} If the run has not finished an epoch.
   */
  async readAdapter(
    kind: AdapterKind = "last",
  ): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    const { tensors } = await this.readAdapterFile(kind);
    return new Map(
      [...tensors].map(([name, tensor]) => [
        name,
        Float32Array.from(toFloat32(tensor)),
      ]),
    );
  }

  /**
   * Reads the file of the trained tensors.
   *
   * @throws {RangeError} If the run has not finished an epoch.
   */
  async readAdapterFile(kind: AdapterKind = "last"): Promise<SafetensorsFile> {
    const path = this.adapterPath(kind);
    try {
      await Deno.lstat(path);
    } catch {
      throw hinted(
        new RangeError(
          `Cannot read the adapter of ${this.path}: got no ${kind} adapter, ` +
            `wanted a run that has finished an epoch` +
            (kind === "best" ? " with a validation split" : ""),
        ),
        `continue it with train --resume ${this.path}`,
      );
    }
    return await readSafetensors(path);
  }

  /** Stores what an exact resume needs, replacing the last state. */
  async saveState(state: OptimizerState, progress: RunProgress): Promise<void> {
    const tensors = Object.entries(state).map(([name, values]) =>
      [name, fromFloat32(values, [values.length])] as const
    );
    await writeSafetensors(`${this.path}/state/state.safetensors`, {
      metadata: { format: "alore-state", progress: JSON.stringify(progress) },
      tensors: new Map(tensors),
    }, { overwrite: true });
  }

  /** Whether there is a state to resume from. */
  async hasState(): Promise<boolean> {
    try {
      await Deno.lstat(`${this.path}/state/state.safetensors`);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /**
   * Reads the state, if there is one.
   *
   * @param count Floats in each flat range.
   * @throws {TypeError} If the ranges have another length.
   */
  async readState(
    count: number,
  ): Promise<{ state: OptimizerState; progress: RunProgress } | undefined> {
    if (!await this.hasState()) return undefined;
    const path = `${this.path}/state/state.safetensors`;
    const { metadata, tensors } = await readSafetensors(path);
    const range = (name: string): Float32Array<ArrayBuffer> => {
      const tensor = tensors.get(name);
      if (tensor && countOf(tensor.shape) === count) {
        return Float32Array.from(toFloat32(tensor));
      }
      throw new TypeError(
        `Cannot resume ${this.path}: got ${name} [${tensor?.shape}] in its ` +
          `state, wanted [${count}]`,
      );
    };
    return {
      state: {
        trainable: range("trainable"),
        moment1: range("moment1"),
        moment2: range("moment2"),
      },
      progress: JSON.parse(metadata.progress) as RunProgress,
    };
  }

  /** Appends an epoch's record. */
  async appendRecord(record: EpochRecord): Promise<void> {
    await appendLine(`${this.path}/metrics.jsonl`, JSON.stringify(record));
  }

  /** Reads the records of complete epochs, none if there are none yet. */
  async readRecords(): Promise<EpochRecord[]> {
    let text: string;
    try {
      text = await Deno.readTextFile(`${this.path}/metrics.jsonl`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
    return text.split("\n").filter(Boolean)
      .map((line) => JSON.parse(line) as EpochRecord);
  }

  /** Drops the records past an epoch: a resumed run writes them again. */
  async keepRecords(epochs: number): Promise<EpochRecord[]> {
    const kept = (await this.readRecords())
      .filter((record) => record.epoch <= epochs);
    const lines = kept.map((record) => JSON.stringify(record) + "\n");
    const path = `${this.path}/metrics.jsonl`;
    await writeFile(path, lines.join(""), { overwrite: true });
    return kept;
  }
}
