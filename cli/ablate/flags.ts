/**
 * Flags of `ablate`: every axis of a study as a list, and how it is run.
 *
 * @module
 */

import { methods } from "../../core/methods/mod.ts";
import { axes } from "../../core/study/axes.ts";
import type { Flag } from "../flag.ts";
import { deviceFlags, methodFlags, precisionFlag } from "../flags.ts";
import { trainFlags } from "../train_flags.ts";

/** Number of seeds, or their list. */
export const SEEDS = "seeds";

const LIST = "A,B,…";

/** Flags of which each value makes further runs. */
export const axisFlags: readonly Flag[] = [
  {
    name: "data",
    kind: "text",
    placeholder: "FILE,…",
    group: "Grid",
    help: "files that data prepare wrote",
  },
  {
    name: "backbone",
    kind: "text",
    placeholder: "NAME,…",
    defaultText: "vit-t8-32",
    group: "Grid",
    help: "weights: files, names that ship with theirs, or scratch:NAME",
  },
  {
    name: "method",
    kind: "text",
    placeholder: "NAME,…",
    defaultText: "alore",
    group: "Grid",
    help: `what trains: ${[...methods.keys()].join(", ")}`,
  },
  {
    name: SEEDS,
    kind: "text",
    placeholder: "N|A,B,…",
    defaultText: "seed 0",
    group: "Grid",
    help: "how many seeds, from 0; or which, where there are several",
  },
  ...[...methodFlags(methods.values()), ...trainFlags, precisionFlag]
    .map(listOf),
];

/** The same flag for a list of values. */
function listOf(flag: Flag): Flag {
  const { name, help, group, placeholder, defaultText } = flag;
  const known = flag.default === undefined ? undefined : `${flag.default}`;
  return {
    name,
    kind: "text",
    placeholder: axes.get(name)?.kind === "list"
      ? "A+B,…"
      : placeholder === "NAME"
      ? "NAME,…"
      : placeholder?.replaceAll("|", ",") ?? LIST,
    defaultText: defaultText ?? known,
    group: group ?? "Grid",
    help,
  };
}

/** Every flag of the command. */
export const ablateFlags: readonly Flag[] = [
  {
    name: "out",
    kind: "text",
    placeholder: "STUDY",
    default: "runs/study",
    help: "folder of the study; goes on with what is there",
  },
  {
    name: "spec",
    kind: "text",
    placeholder: "FILE",
    help: "the grids, as yaml, toml or json; flags replace what it says",
  },
  {
    name: "dry-run",
    kind: "boolean",
    help: "show the plan and stop",
  },
  {
    name: "list",
    kind: "boolean",
    help: "show every run, where it stands and how to repeat it",
  },
  {
    name: "status",
    kind: "boolean",
    help: "count the runs by where they stand",
  },
  {
    name: "baseline",
    kind: "text",
    placeholder: "SETTING",
    defaultText: "linear, or the first",
    help: "what report.html compares with: a setting as the tables name it, " +
      'such as "alore rank 4", or a method',
  },
  {
    name: "only-failed",
    kind: "boolean",
    help: "do only the runs that failed",
  },
  ...axisFlags,
  {
    name: "index",
    kind: "integer",
    minimum: 0,
    placeholder: "N",
    group: "Machines",
    help: "do only the run, or the chunk of runs, of that number, from 0",
  },
  {
    name: "chunk",
    kind: "integer",
    minimum: 1,
    default: 1,
    placeholder: "K",
    group: "Machines",
    help: "runs that one task does after another",
  },
  {
    name: "executor",
    kind: "text",
    choices: ["local", "slurm"],
    default: "local",
    group: "Machines",
    help: "do the runs here, or write and submit a Slurm job array",
  },
  {
    name: "slurm",
    kind: "text",
    placeholder: "OPTIONS",
    group: "Machines",
    help: 'options of sbatch, such as "--partition=gpu --time=4:00:00"',
  },
  ...deviceFlags,
];
