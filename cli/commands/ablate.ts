import { hinted } from "../../core/errors.ts";
import { estimate } from "../../core/study/estimate.ts";
import type { Grid } from "../../core/study/grid.ts";
import { gatherResults, readStudy } from "../../core/study/results.ts";
import type { RunResult } from "../../core/study/run_result.ts";
import { Sources } from "../../core/study/sources.ts";
import { StudyDirectory } from "../../core/study/study_directory.ts";
import { addGrids, readGrids } from "../../core/study/study_file.ts";
import { type PlannedRun, planStudy } from "../../core/study/study_plan.ts";
import { VERSION } from "../../core/version.ts";
import { refuseNoFolder } from "../../core/weights/unwritable.ts";
import type { Engine } from "../../kernels/engine.ts";
import { ablateFlags } from "../ablate/flags.ts";
import type { InspectionTools } from "../ablate/experts.ts";
import { gridsFrom, seenFromElsewhere } from "../ablate/grids.ts";
import {
  documentOf,
  printList,
  printStatus,
  runDocuments,
} from "../ablate/list.ts";
import {
  estimateText,
  lookAt,
  type PlannedStudy,
  planText,
} from "../ablate/plan.ts";
import { queuedRuns } from "../ablate/queue.ts";
import { checkBaseline, writeReport } from "../ablate/report.ts";
import { printResults } from "../ablate/results.ts";
import { work, type Worked } from "../ablate/session.ts";
import { submit } from "../ablate/submit.ts";
import { isScratch, openBackbone } from "../backbone.ts";
import type { CliCommand } from "../command.ts";
import { withDevice } from "../device.ts";
import { FailedWith } from "../failed_with.ts";
import { plural } from "../format.ts";
import type { Input } from "../input.ts";
import { interruptible } from "../interrupt.ts";
import type { Output } from "../output.ts";
import { quoted } from "../report_parts.ts";

/** Runs a grid of settings. */
export const ablate: CliCommand = {
  name: "ablate",
  summary: "runs a grid of settings and makes tables of the results",
  examples: [
    "ablate --data photos.safetensors --experts 1,2,4,8 --rank 1,2,4,8",
    "ablate --spec study.yaml --out runs/study --dry-run",
    "ablate --out runs/study --status",
  ],
  flags: ablateFlags,
  run,
};

/** A command with all that it needs to know. */
interface Asked {
  readonly input: Input;
  readonly output: Output;
  readonly planned: PlannedStudy;
  readonly sources: Sources;
  /** In the order of the plan. */
  readonly todo: readonly PlannedRun[];
  readonly results: readonly RunResult[];
}

async function run(input: Input, output: Output): Promise<unknown> {
  const study = new StudyDirectory(input.text("out"));
  await refuseNoFolder(study.path);
  const grids = await gridsFrom(input, study);
  const sources = new Sources({ open: openBackbone, seeded: isScratch });
  try {
    const plan = await planStudy(grids, sources)
      .catch((error) => Promise.reject(seenFromElsewhere(error, input)));
    const looking = ["list", "status"].some((name) => input.on(name));
    const { results } = await readStudy(study.path);
    const planned = await lookAt(study, plan);
    const todo = choose(planned, input);
    const asked = { input, output, planned, sources, todo, results };
    const baseline = input.textOr("baseline");
    if (baseline !== undefined) checkBaseline(planned, results, baseline);
    if (looking) return await look(asked);
    const slurm = input.text("executor") === "slurm";
    if (!input.on("dry-run")) await remember(asked, grids);
    return slurm && !input.given("index")
      ? await runOnSlurm(asked)
      : await runHere(asked);
  } finally {
    sources.close();
  }
}

/** Keeps the grids, so that the study can go on without them. */
async function remember(
  { input, planned: { study } }: Asked,
  grids: readonly Grid[],
): Promise<void> {
  await study.create();
  // A task of an array knows only a part of the study that it belongs to.
  const partial = input.given("index") && (await readGrids(study)).length > 0;
  if (!partial) await addGrids(study, grids);
}

/** The runs that the command shall do. */
function choose(planned: PlannedStudy, input: Input): PlannedRun[] {
  const { plan, statuses } = planned;
  const stateOf = ({ hash }: PlannedRun) => statuses.get(hash)?.state;
  const open = (run: PlannedRun) =>
    input.on("only-failed")
      ? stateOf(run) === "failed"
      : stateOf(run) !== "done";
  if (!input.given("index")) return plan.runs.filter(open);
  const [index, chunk] = [input.number("index"), input.number("chunk")];
  const chunks = Math.ceil(plan.runs.length / chunk);
  if (index >= chunks) {
    throw hinted(
      new RangeError(
        `Cannot do the run ${index}: got a study of ${
          plural(plan.runs.length, "run")
        } in ${plural(chunks, "chunk")}, wanted an index from 0 to ${
          chunks - 1
        }`,
      ),
      "--list shows them",
    );
  }
  return plan.runs.slice(index * chunk, (index + 1) * chunk).filter(open);
}

/** Makes the page of a study. */
async function report(
  { input, planned }: Pick<Asked, "input" | "planned">,
  results: readonly RunResult[],
  tools?: InspectionTools,
): Promise<string> {
  const baseline = input.textOr("baseline");
  return await writeReport(planned, results, { baseline, tools });
}

async function look({ input, output, planned }: Asked): Promise<unknown> {
  // Whoever looks gathers what other machines have done.
  const there = await Deno.stat(planned.study.file("runs")).catch(() => null);
  const results = there ? await gatherResults(planned.study) : [];
  if (there) await report({ input, planned }, results);
  return input.on("list")
    ? printList(planned, results, output)
    : printStatus(planned, output);
}

async function runOnSlurm(asked: Asked): Promise<unknown> {
  const { input, output, planned, todo } = asked;
  const { study } = planned;
  const queued = await queuedRuns(study);
  const free = todo.filter(({ hash }) =>
    planned.statuses.get(hash)?.state !== "running" && !queued.has(hash)
  );
  if (free.length < todo.length) {
    output.note(
      `${plural(todo.length - free.length, "run")} left out: in the queue or ` +
        "running already",
    );
  }
  const time = "not known here: it depends on the nodes";
  const dry = input.on("dry-run");
  planText(planned, free, time).forEach((line) =>
    dry ? output.print(line) : output.note(line)
  );
  if (dry) return documentOf(planned, { runs: runDocuments(planned) });
  const results = await gatherResults(study);
  if (free.length === 0) {
    if (todo.length === 0) printResults(study, results, output);
    return documentOf(planned, { results });
  }
  const { script, tasks, job } = await submit(study, free, input);
  output.print(`Script      ${script}, ${plural(tasks, "task")}`);
  output.print(
    job === undefined
      ? `Submit it   sbatch ${quoted(script)}`
      : `Job         ${job}`,
  );
  output.print(
    `Then        deno task alore ablate --out ${quoted(study.path)} --status`,
  );
  return documentOf(planned, { script, tasks, job });
}

async function runHere(asked: Asked): Promise<unknown> {
  const { input, output, todo } = asked;
  const looked = input.on("dry-run") || input.given("index");
  if (todo.length === 0 && looked) return await finish(asked);
  return await withEngines(asked, async (engineOf, engine, device) => {
    const { planned, sources, results } = asked;
    // Runs that other machines did have not been looked into yet.
    if (todo.length === 0) {
      return await finish(asked, undefined, { engine, sources });
    }
    output.note(`alore ${VERSION} · ${device}`);
    if (!input.given("index")) {
      const time = await estimate(todo, { engineOf, sources, results });
      const dry = input.on("dry-run");
      planText(planned, todo, estimateText(time)).forEach((line) =>
        dry ? output.print(line) : output.note(line)
      );
      if (dry) {
        const runs = runDocuments(planned);
        return documentOf(planned, { estimate: time, runs });
      }
      output.note();
    }
    const patient = input.given("index");
    const worked = await interruptible((signal) =>
      work({ engineOf, planned, sources, output, signal, patient }, todo)
    );
    return await finish(asked, worked, { engine, sources });
  });
}

/** Runs work with an engine for each precision of the runs. */
async function withEngines<T>(
  { input, output, todo }: Asked,
  work: (
    engineOf: (run: PlannedRun) => Engine,
    first: Engine,
    description: string,
  ) => Promise<T>,
): Promise<T> {
  const precisionOf = ({ config }: PlannedRun) => config.precision ?? "f32";
  const [first = "f32", ...others] = new Set(todo.map(precisionOf));
  return await withDevice(input, output, async (engine, description) => {
    const [second] = others;
    if (!second) return await work(() => engine, engine, description);
    return await withDevice(
      input,
      output,
      (other, more) =>
        work(
          (run) => precisionOf(run) === second ? other : engine,
          engine,
          `${description} and ${more}`,
        ),
      second,
    );
  }, first);
}

/** Gathers, prints, and fails if a run did. */
async function finish(
  asked: Asked,
  worked?: Worked,
  tools?: InspectionTools,
): Promise<unknown> {
  const { input, output, planned: { study, plan } } = asked;
  const planned = await lookAt(study, plan);
  if (input.on("dry-run")) {
    planText(planned, [], "nothing left to do")
      .forEach((line) => output.print(line));
    return documentOf(planned, { runs: runDocuments(planned) });
  }
  const results = await gatherResults(study);
  // The tasks of an array leave the page to the one that is last.
  const last = planned.plan.runs.every(({ hash }) =>
    planned.statuses.get(hash)?.state === "done"
  );
  const page = !input.given("index") || last
    ? await report({ input, planned }, results, tools)
    : undefined;
  const document = documentOf(planned, { results, report: page });
  const go = `deno task alore ablate --out ${quoted(study.path)}`;
  if (worked?.stopped) {
    const { epochs = 0 } = await study.status(worked.stopped.hash);
    throw hinted(
      new FailedWith(
        `Stopped with ${worked.done} of ${plural(asked.todo.length, "run")} ` +
          `done; what was done of ${worked.stopped.hash} (${
            plural(epochs, "epoch")
          }) is saved in ${study.path}`,
        document,
      ),
      `continue with: ${go}`,
    );
  }
  if (!input.given("index")) printResults(study, results, output);
  if (page !== undefined) output.print(`Report  ${page}`);
  if (worked && worked.elsewhere > 0) {
    output.note(
      `${plural(worked.elsewhere, "run")} were left to other processes`,
    );
  }
  if (worked && worked.failed > 0) {
    throw hinted(
      new FailedWith(
        `${plural(worked.failed, "run")} failed; ${study.path} says why`,
        document,
      ),
      `see: ${go} --status; try again with: ${go} --only-failed`,
    );
  }
  return document;
}
