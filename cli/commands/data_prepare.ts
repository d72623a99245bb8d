import type {
  OptionValue,
  PrepareKind,
  PrepareReport,
} from "../../core/data/kind.ts";
import { writeDataset } from "../../core/data/dataset.ts";
import { refuseExisting } from "../../core/weights/write_file.ts";
import type { CliCommand } from "../command.ts";
import { kebab, kindFlag, seedFlag } from "../flags.ts";
import { plural } from "../format.ts";
import type { Input } from "../input.ts";
import type { Output } from "../output.ts";
import { CountBar } from "../progress.ts";
import { quoted } from "../report_parts.ts";
import { printDataset, summarise } from "../dataset_summary.ts";

/** The command that prepares data of one kind. */
export function dataPrepare(kind: PrepareKind): CliCommand {
  return {
    name: `data prepare ${kind.name}`,
    summary: kind.summary,
    examples: [
      kind.source
        ? `data prepare ${kind.name} ${
          kind.source.split(/[ ,]+/)[2]
        } --out made.safetensors`
        : `data prepare ${kind.name} ./photos --out photos.safetensors`,
    ],
    arguments: [{
      name: "SOURCE",
      help: kind.source ?? "where the images are",
    }],
    flags: [
      {
        name: "out",
        kind: "text",
        placeholder: "FILE",
        required: true,
        help: "the data set file to write; must not exist",
      },
      { ...seedFlag, help: "seed of which images a split gets" },
      ...kind.options.map(kindFlag),
    ],
    run: (input, output) => run(kind, input, output),
  };
}

async function run(
  kind: PrepareKind,
  input: Input,
  output: Output,
): Promise<unknown> {
  const [source, out] = [input.word("SOURCE"), input.text("out")];
  await refuseExisting(out);
  const options: Record<string, OptionValue | undefined> = {};
  for (const { name } of kind.options) {
    options[name] = input.value(kebab(name));
  }
  const bar = new CountBar(output, "images");
  const seed = input.number("seed");
  const { dataset, report } = await kind.prepare(source, options, {
    seed,
    command: commandLine(kind, input),
    progress: (done, total) => bar.update(done, total),
  }).finally(() => bar.stop());
  await writeDataset(out, dataset);
  printReport(report, output);
  printDataset(dataset, output);
  output.print(`Wrote ${out}`);
  return { file: out, ...summarise(dataset), report };
}

/** The command with all that shaped the result, for the description. */
function commandLine(kind: PrepareKind, input: Input): string {
  const flags = ["seed", ...kind.options.map(({ name }) => kebab(name))]
    .filter((name) => input.given(name))
    .map((name) => {
      const value = input.value(name);
      return value === true ? `--${name}` : `--${name} ${quoted(`${value}`)}`;
    });
  return [
    "alore data prepare",
    kind.name,
    quoted(input.word("SOURCE")),
    ...flags,
  ].join(" ");
}

function printReport(report: PrepareReport, output: Output): void {
  const { notes, broken, ignored } = report;
  for (const { file, reason } of broken) {
    output.warn(`left out ${file}: ${reason}`);
  }
  if (broken.length) output.warn(`left out ${plural(broken.length, "image")}`);
  for (const [extension, files] of Object.entries(ignored)) {
    output.note(`Ignored ${plural(files, "file")}: ${extension}`);
  }
  for (const note of notes) output.note(note);
}
