import type { Split } from "../../core/data/dataset.ts";
import { hinted } from "../../core/errors.ts";
import type {
  ExportDtype,
  ExportedFiles,
  ExportedModel,
} from "../../core/export/exported_model.ts";
import { formats } from "../../core/export/formats.ts";
import {
  type VerifiedFile,
  verifyExport,
} from "../../core/export/verify_export.ts";
import { writeFolder } from "../../core/export/write_folder.ts";
import { writeBackbone } from "../../core/models/backbone.ts";
import { RandomStream } from "../../core/rng.ts";
import {
  type LogitsComparison,
  mergeAndCheck,
  type MergeCheck,
} from "../../core/train/verify_merge.ts";
import { refuseExisting } from "../../core/weights/write_file.ts";
import type { CliCommand } from "../command.ts";
import { withDevice } from "../device.ts";
import { deviceFlags } from "../flags.ts";
import { count, short } from "../format.ts";
import type { Input } from "../input.ts";
import { type OpenRun, openRun, runFlags } from "../model.ts";
import { messageOf, type Output } from "../output.ts";
import { readRunData } from "../run_data.ts";

/** The format that is one file. */
const PLAIN = "safetensors";

/** Folds a run's adapter into its backbone. */
export const mergeCommand: CliCommand = {
  name: "merge",
  summary: "folds a run's adapter into a plain model, and checks it",
  examples: [
    "merge --run runs/photos --out merged.safetensors",
    "merge --run runs/photos --format onnx --verify --out photos-onnx",
  ],
  flags: [
    ...runFlags,
    {
      name: "out",
      kind: "text",
      placeholder: "FILE|FOLDER",
      required: true,
      help:
        "the file to write, or the folder of another format; must not exist",
    },
    {
      name: "format",
      kind: "text",
      choices: [PLAIN, ...formats.keys()],
      default: PLAIN,
      help: "safetensors: one file that this toolkit reads; " +
        [...formats.values()].map(({ name, summary }) => `${name}: ${summary}`)
          .join("; "),
    },
    {
      name: "verify",
      kind: "boolean",
      help: "opens the export from the disk and compares its logits by " +
        "onnxruntime (timm, hf, onnx)",
    },
    {
      name: "dtype",
      kind: "text",
      choices: ["f32", "f16"],
      default: "f32",
      help: "how numbers are stored; the check is made in f32",
    },
    {
      name: "data",
      kind: "text",
      placeholder: "FILE",
      defaultText: "the data of the run",
      help: "images to compare on",
    },
    ...deviceFlags,
  ],
  run,
};

async function run(input: Input, output: Output): Promise<unknown> {
  const [path, out] = [input.text("run"), input.text("out")];
  checkVerify(input);
  await refuseExisting(out);
  return await withDevice(input, output, async (engine, device) => {
    const opened = await openRun(engine, path, input);
    using _model = opened.model;
    output.note(device);
    const images = await imagesFor(opened, input, output);
    const check = await mergeAndCheck(
      opened.model,
      images.split,
      opened.preprocess,
    );
    output.print(`Folded      ${count(check.folded.length)} tensors`);
    printComparison(check, images.name, output);
    const verified = await write(opened, check, images, { input, output });
    output.print(`Wrote       ${out}`);
    return {
      file: out,
      format: input.text("format"),
      folded: check.folded,
      largestDifference: check.largestDifference,
      relativeDifference: check.relativeDifference,
      agreement: check.agreement,
      images: check.images,
      comparedOn: images.name,
      ...(verified ? { verified } : {}),
    };
  });
}

function checkVerify(input: Input): void {
  const format = input.text("format");
  if (!input.on("verify") || formats.has(format)) return;
  throw hinted(
    new RangeError(
      `Cannot verify the export: got --format ${format}, wanted ` +
        `${[...formats.keys()].join(", ")}, which other programs load`,
    ),
    "leave --verify out; the fold itself is always checked",
  );
}

function printComparison(
  { largestDifference, agreement, images }: LogitsComparison,
  name: string,
  output: Output,
): void {
  output.print(
    `Difference  ${short(largestDifference)} at most between logits`,
  );
  output.print(
    `Agreement   same top-1 on ${count(agreement)} of ${count(images)} ${name}`,
  );
}

/** Writes the folded model; verified, before it has its name. */
async function write(
  { model, preprocess, run: { config } }: OpenRun,
  check: MergeCheck,
  images: { split: Split; name: string },
  { input, output }: { input: Input; output: Output },
): Promise<VerifiedFile[] | undefined> {
  const out = input.text("out");
  const dtype: ExportDtype = input.text("dtype") === "f16" ? "F16" : "F32";
  const { classes, method, options, backbone, data } = config;
  const provenance = {
    merged: JSON.stringify({ method, options, backbone }),
  };
  const format = formats.get(input.text("format"));
  if (!format) {
    await writeBackbone(out, {
      config: model.spec.config,
      preprocess,
      tensors: check.tensors,
    }, {
      dtype,
      metadata: {
        classes: JSON.stringify(classes),
        resize: JSON.stringify(data.resize),
        ...provenance,
      },
    });
    return undefined;
  }
  const exported: ExportedModel = {
    config: model.spec.config,
    preprocess,
    tensors: check.tensors,
    classes,
    resize: data.resize,
    provenance,
  };
  const files = format.encode(exported, dtype);
  const names = [...files.keys()];
  // From here on the files have it; the other program needs the memory.
  check.tensors.clear();
  model.close();
  let verified: VerifiedFile[] | undefined;
  await writeFolder(out, drained(files), async (folder) => {
    if (!input.on("verify")) return;
    verified = await verifyExport(folder, names, {
      model: exported,
      dtype,
      split: images.split,
      logits: check.merged.logits,
    });
  });
  for (const compared of verified ?? []) {
    const { file } = compared;
    const read = file.endsWith(".onnx") ? file : `${file}, read back,`;
    output.print(`${read} by onnxruntime:`);
    printComparison(compared, images.name, output);
  }
  return verified;
}

/** The files, of which none stays in memory once it is written. */
function* drained(
  files: ExportedFiles,
): Generator<[string, Uint8Array<ArrayBuffer>]> {
  for (const [name, bytes] of files) {
    files.delete(name);
    yield [name, bytes];
  }
}

/** Random images that a merge is compared on where the data are gone. */
const RANDOM_IMAGES = 128;

/** Real images where they are at hand, the test split first. */
async function imagesFor(
  { run, model }: OpenRun,
  input: Input,
  output: Output,
): Promise<{ split: Split; name: string }> {
  const file = input.textOr("data");
  try {
    const { splits } = await readRunData(run.config, file);
    for (const [name, split] of [...splits].reverse()) {
      return { split, name: `${name} images` };
    }
  } catch (error) {
    if (file !== undefined) throw error;
    output.warn(`${messageOf(error)}; comparing on random images instead`);
  }
  const { imageSize } = model.spec.config;
  const random = new RandomStream(0, "merge check");
  const images = Uint8Array.from(
    { length: RANDOM_IMAGES * imageSize ** 2 * 3 },
    () => 256 * random.next(),
  );
  const labels = new Int32Array(RANDOM_IMAGES);
  const split = { images, labels, count: RANDOM_IMAGES };
  return { split, name: "random images" };
}
