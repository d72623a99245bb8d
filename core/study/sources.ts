/**
 * The backbones and data sets of a study, read once and shared by its runs.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import { type Dataset, readDataset } from "../data/dataset.ts";
import type { Backbone } from "../models/backbone.ts";
import {
  shareBackbone,
  type SharedBackbone,
} from "../models/shared_backbone.ts";
import { Pool } from "./pool.ts";

/** Bytes of images that stay in memory between runs. */
const IMAGE_BYTES = 2 * 2 ** 30;

/** Reads backbones. */
export interface BackboneReader {
  /** Reads one, as `--backbone` names it. */
  open(source: string, seed: number): Promise<Backbone>;
  /** Whether its weights depend on the seed. */
  seeded(source: string): boolean;
}

interface Held {
  readonly backbone: Backbone;
  shared?: { readonly engine: Engine; readonly weights: SharedBackbone };
}

/** What the runs of a process share; one backbone at a time. */
export class Sources {
  readonly #reader: BackboneReader;
  readonly #backbones = new Pool<Held>(0, () => 1, (held) => {
    held.shared?.weights.close();
  });
  readonly #datasets = new Pool<Dataset>(
    IMAGE_BYTES,
    ({ splits }) =>
      [...splits.values()].reduce((sum, { images }) => sum + images.length, 0),
  );

  /** @param reader Knows which names ship with their weights. */
  constructor(reader: BackboneReader) {
    this.#reader = reader;
  }

  /** A backbone; an earlier one may be dropped for it. */
  async backbone(source: string, seed: number): Promise<Backbone> {
    return (await this.#hold(source, seed)).backbone;
  }

  /**
   * A backbone in an engine's memory, uploaded when first asked for. Models over
   * it must be closed before another backbone, or it in another engine, is asked
   * for.
   */
  async shared(
    engine: Engine,
    source: string,
    seed: number,
  ): Promise<SharedBackbone> {
    const held = await this.#hold(source, seed);
    if (held.shared?.engine !== engine) {
      held.shared?.weights.close();
      held.shared = { engine, weights: shareBackbone(engine, held.backbone) };
    }
    return held.shared.weights;
  }

  /** A data set. */
  async dataset(path: string): Promise<Dataset> {
    return await this.#datasets.get(path, () => readDataset(path));
  }

  /** Frees everything. */
  close(): void {
    this.#backbones.clear();
    this.#datasets.clear();
  }

  async #hold(source: string, seed: number): Promise<Held> {
    const key = this.#reader.seeded(source) ? `${source} ${seed}` : source;
    const read = async () => ({
      backbone: await this.#reader.open(source, seed),
    });
    return await this.#backbones.get(key, read);
  }
}
