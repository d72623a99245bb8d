import type { Split } from "../../core/data/dataset.ts";
import { writeBackbone } from "../../core/models/backbone.ts";
import { RandomStream } from "../../core/rng.ts";
import { mergeAndCheck } from "../../core/train/verify_merge.ts";
import { refuseExisting } from "../../core/weights/write_file.ts";
import type { CliCommand } from "../command.ts";
import { withDevice } from "../device.ts";
import { deviceFlags } from "../flags.ts";
import { count, short } from "../format.ts";
import type { Input } from "../input.ts";
import { type OpenRun, openRun, runFlags } from "../model.ts";
import { messageOf, type Output } from "../output.ts";
import { readRunData } from "../run_data.ts";

/** Folds a run's adapter into its backbone. */
export const mergeCommand: CliCommand = {
  name: "merge",
  summary: "folds a run's adapter into a plain model, and checks it",
  examples: ["merge --run runs/photos --out merged.safetensors"],
  flags: [
    ...runFlags,
    {
      name: "out",
      kind: "text",
      placeholder: "FILE",
      required: true,
      help: "safetensors file with timm's names; must not exist",
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
    const { classes, method, options, backbone, data } = opened.run.config;
    await writeBackbone(out, {
      config: opened.model.spec.config,
      preprocess: opened.preprocess,
      tensors: check.tensors,
    }, {
      dtype: input.text("dtype") === "f16" ? "F16" : "F32",
      metadata: {
        classes: JSON.stringify(classes),
        resize: JSON.stringify(data.resize),
        merged: JSON.stringify({ method, options, backbone }),
      },
    });
    output.print(`Folded      ${count(check.folded.length)} tensors`);
    output.print(
      `Difference  ${short(check.largestDifference)} at most between logits`,
    );
    output.print(
      `Agreement   same top-1 on ${count(check.agreement)} of ` +
        `${count(check.images)} ${images.name}`,
    );
    output.print(`Wrote       ${out}`);
    return {
      file: out,
      folded: check.folded,
      largestDifference: check.largestDifference,
      relativeDifference: check.relativeDifference,
      agreement: check.agreement,
      images: check.images,
      comparedOn: images.name,
    };
  });
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
