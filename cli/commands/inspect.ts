import { basename, dirname } from "node:path";
import { splitNames } from "../../core/data/dataset.ts";
import { inspectPage } from "../../core/study/inspect/inspect_page.ts";
import {
  type Inspection,
  inspectModel,
} from "../../core/study/inspect/inspection.ts";
import { expertSentences } from "../../core/study/inspect/summary_section.ts";
import type { RunConfig } from "../../core/train/run_config.ts";
import { VERSION } from "../../core/version.ts";
import { writeFile } from "../../core/weights/write_file.ts";
import type { CliCommand } from "../command.ts";
import { withDevice } from "../device.ts";
import { deviceFlags } from "../flags.ts";
import type { Input } from "../input.ts";
import {
  imagesFrom,
  type InspectedImages,
  squareOf,
} from "../inspected_images.ts";
import { type OpenRun, openRun, runFlags } from "../model.ts";
import type { Output } from "../output.ts";
import { readImages } from "../read_images.ts";
import { readRunData } from "../run_data.ts";
import { splitOf } from "../split.ts";
import { UsageError } from "../usage_error.ts";

/** Looks inside of a run. */
export const inspect: CliCommand = {
  name: "inspect",
  summary: "shows attention, and what each expert adds and how alike they are",
  examples: [
    "inspect --run runs/photos",
    "inspect --run runs/photos --images cat.jpg,dog.jpg --out cats.html",
  ],
  flags: [
    ...runFlags,
    {
      name: "images",
      kind: "text",
      placeholder: "FILE,…",
      defaultText: "some of the test split",
      group: "Images",
      help: "image files to look at",
    },
    {
      name: "count",
      kind: "integer",
      minimum: 1,
      default: 6,
      group: "Images",
      help: "how many images of the split, at even distances",
    },
    {
      name: "split",
      kind: "text",
      choices: splitNames,
      default: "test",
      group: "Images",
      help: "the split that they are from",
    },
    {
      name: "data",
      kind: "text",
      placeholder: "FILE",
      defaultText: "the data of the run",
      group: "Images",
      help: "a file that data prepare wrote, with the same classes",
    },
    {
      name: "heads",
      kind: "boolean",
      help: "show attention head by head too",
    },
    {
      name: "out",
      kind: "text",
      placeholder: "FOLDER|FILE.html",
      defaultText: "inspect.html in the run's folder",
      help: "where the page goes",
    },
    ...deviceFlags,
  ],
  run,
};

async function run(input: Input, output: Output): Promise<unknown> {
  return await withDevice(input, output, async (engine, device) => {
    output.detail(device);
    const path = input.text("run");
    const opened = await openRun(engine, path, input);
    using model = opened.model;
    const images = await chooseImages(opened, input);
    const { config } = opened.run;
    const inspection = await inspectModel(
      model,
      images.split,
      opened.preprocess,
    );
    const page = pathOf(input, path);
    const text = inspectPage({
      title: `Inside ${basename(path)}`,
      subtitle: subtitleOf(config),
      inspection,
      images: images.shown,
      classes: config.classes,
      heads: input.on("heads"),
    });
    await Deno.mkdir(dirname(page), { recursive: true });
    await writeFile(page, text, { overwrite: true });
    output.print(expertSentences(inspection));
    output.print(`Page  ${page}`);
    return documentOf(path, page, { config, images, inspection });
  });
}

/** @throws {UsageError} If files and a split are asked for at once. */
async function chooseImages(
  { run: { config }, resize }: OpenRun,
  input: Input,
): Promise<InspectedImages> {
  const { imageSize } = config.model;
  const typed = input.textOr("images");
  if (typed === undefined) {
    const file = input.textOr("data");
    const dataset = await readRunData(config, file);
    const split = splitOf(
      dataset,
      input.text("split"),
      file ?? config.data.source,
    );
    return imagesFrom(split, input.number("count"), imageSize);
  }
  const other = ["count", "split", "data"].find((name) => input.given(name));
  if (other) {
    throw new UsageError(
      `Cannot use --${other}: got --images as well, wanted one of them`,
    );
  }
  const files = typed.split(",").map((name) => name.trim()).filter(Boolean);
  if (files.length === 0) {
    throw new UsageError(
      "Cannot use --images: got no file, wanted at least one",
    );
  }
  const split = await readImages(files, imageSize, resize ?? {});
  return {
    split,
    shown: files.map((file, i) => ({
      ...squareOf(split, i, imageSize),
      name: basename(file),
    })),
  };
}

/** `inspect.html` in a folder, or the file itself. */
function pathOf(input: Input, run: string): string {
  const out = input.textOr("out") ?? run;
  if (out.endsWith(".html")) return out;
  return `${out.replace(/(.)\/+$/, "$1")}/inspect.html`;
}

function subtitleOf({ method, options, data, backbone }: RunConfig): string {
  const words = Object.entries(options)
    .map(([name, value]) => `${name} ${value}`).slice(0, 3);
  return [
    [method, ...words].join(" "),
    `on ${data.name}`,
    backbone.source,
    `alore ${VERSION}`,
  ].join(" · ");
}

/** The numbers behind the page. */
function documentOf(
  run: string,
  page: string,
  { config, images, inspection }: {
    config: RunConfig;
    images: InspectedImages;
    inspection: Inspection;
  },
): Record<string, unknown> {
  return {
    run,
    page,
    method: config.method,
    options: config.options,
    classes: config.classes,
    ...inspection,
    images: inspection.images.map((found, i) => ({
      name: images.shown[i].name,
      label: images.shown[i].label,
      ...found,
    })),
  };
}
