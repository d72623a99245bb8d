/**
 * What the experts of a study's best ALoRE run learn, for its page.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import { findMethod } from "../../core/methods/mod.ts";
import { buildModel } from "../../core/models/build_model.ts";
import type { Html } from "../../core/study/html.ts";
import {
  expertsSection,
  keptText,
  parseKept,
} from "../../core/study/inspect/experts_section.ts";
import { inspectModel } from "../../core/study/inspect/inspection.ts";
import { bestOf, tableOf } from "../../core/study/report/study_cells.ts";
import type { StudyRun } from "../../core/study/report/study_report.ts";
import type { Sources } from "../../core/study/sources.ts";
import {
  readText,
  type StudyDirectory,
} from "../../core/study/study_directory.ts";
import { RunDirectory } from "../../core/train/run_directory.ts";
import { writeFile } from "../../core/weights/write_file.ts";
import { imagesFrom } from "../inspected_images.ts";
import { quoted } from "../report_parts.ts";
import type { PlannedStudy } from "./plan.ts";

const FILE = "experts.json";
const IMAGES = 3;

/** What looking inside of a run takes; without it only what is kept is shown. */
export interface InspectionTools {
  readonly engine: Engine;
  readonly sources: Sources;
}

/**
 * The section about the experts of the best ALoRE setting's first run.
 *
 * @returns Nothing where no such run is done, or none was looked into.
 */
export async function expertsOf(
  planned: PlannedStudy,
  runs: readonly StudyRun[],
  tools?: InspectionTools,
): Promise<Html | undefined> {
  const { study } = planned;
  const best = bestRun(runs);
  if (!best) return undefined;
  const before = await readKept(study);
  const found = before?.run === best.run.hash || !tools
    ? before
    : await inspectRun(planned, best, tools) ?? before;
  if (!found || !runs.some(({ hash }) => hash === found.run)) return undefined;
  const path = study.runPath(found.run);
  return expertsSection(
    found,
    `deno task alore inspect --run ${quoted(path)} --count 12 --heads`,
  );
}

async function readKept(study: StudyDirectory) {
  const text = await readText(study.file(FILE));
  return text === undefined ? undefined : parseKept(text);
}

interface Best {
  readonly run: StudyRun;
  readonly name: string;
}

/** Of the best setting that has experts, on the first data set. */
function bestRun(runs: readonly StudyRun[]): Best | undefined {
  const { settings, datasets } = tableOf(runs);
  const best = bestOf(settings.filter(({ method }) => method === "alore"));
  const [data] = datasets.keys();
  const run = best?.cells.get(data)?.runs.find(({ result }) => result);
  return best && run && { run, name: best.name };
}

/** Looks into a run and keeps what is found; nothing if it is not planned. */
async function inspectRun(
  { study, plan }: PlannedStudy,
  { run, name }: Best,
  { engine, sources }: InspectionTools,
) {
  const planned = plan.runs.find(({ hash }) => hash === run.hash);
  if (planned?.config.model.architecture !== "vit") return undefined;
  const { cell, config } = planned;
  const { seed } = config.settings;
  const directory = await RunDirectory.open(study.runPath(run.hash));
  const dataset = await sources.dataset(cell.data);
  const test = dataset.splits.get("test");
  if (!test) return undefined;
  using model = buildModel({
    engine,
    backbone: await sources.backbone(cell.backbone, seed),
    shared: await sources.shared(engine, cell.backbone, seed),
    method: findMethod(config.method),
    options: config.options,
    classes: config.classes.length,
    seed,
    trained: await directory.readAdapter(),
  });
  const { split, shown } = imagesFrom(test, IMAGES, config.model.imageSize);
  const found = {
    format: "alore-experts",
    version: 1,
    run: run.hash,
    name,
    classes: config.classes,
    images: shown,
    inspection: await inspectModel(model, split, config.preprocess),
  } as const;
  await writeFile(study.file(FILE), keptText(found), { overwrite: true });
  return found;
}
