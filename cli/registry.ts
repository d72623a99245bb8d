/**
 * Every command: a new one is its file and one line here.
 *
 * @module
 */

import { kinds } from "../core/data/kinds.ts";
import type { CliCommand } from "./command.ts";
import { ablate } from "./commands/ablate.ts";
import { bench } from "./commands/bench.ts";
import { dataCheck } from "./commands/data_check.ts";
import { dataPrepare } from "./commands/data_prepare.ts";
import { dataShow } from "./commands/data_show.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { evalCommand } from "./commands/eval.ts";
import { exportCommand } from "./commands/export.ts";
import { importCommand } from "./commands/import.ts";
import { inspect } from "./commands/inspect.ts";
import { mergeCommand } from "./commands/merge.ts";
import { params } from "./commands/params.ts";
import { predict } from "./commands/predict.ts";
import { pull } from "./commands/pull.ts";
import { trainCommand } from "./commands/train.ts";

/** The commands in the order of the help. */
export const commands: readonly CliCommand[] = [
  ...kinds.map(dataPrepare),
  dataCheck,
  dataShow,
  trainCommand,
  evalCommand,
  predict,
  inspect,
  mergeCommand,
  exportCommand,
  importCommand,
  params,
  pull,
  ablate,
  bench,
  doctor,
  demo,
];

/** What the words say that several commands start with. */
export const groups: ReadonlyMap<string, string> = new Map([
  ["data", "prepares, verifies and shows data sets"],
  ["data prepare", "reads images of one kind into a data set file"],
]);
