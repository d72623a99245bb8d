import { noAugment } from "../../../../core/data/augment.ts";
import { RandomStream } from "../../../../core/rng.ts";
import type {
  StudyReport,
  StudyRun,
} from "../../../../core/study/report/study_report.ts";
import type { RunResult } from "../../../../core/study/run_result.ts";
import { defaultSettings } from "../../../../core/train/settings.ts";

/** What a made-up run is. */
export interface MadeRun {
  readonly method: string;
  readonly options?: RunResult["options"];
  readonly data?: string;
  readonly seed?: number;
  /** Probability that an image is right. */
  readonly top1?: number;
  readonly parameters?: number;
  readonly state?: StudyRun["state"];
}

const IMAGES = 400;
const EPOCHS = 10;

/** A run whose numbers are drawn, the same each time. */
export function madeRun(
  {
    method,
    options = {},
    data = "digits",
    seed = 0,
    top1 = 0.7,
    parameters = 1000,
    state = "done",
  }: MadeRun,
): StudyRun {
  const random = new RandomStream(
    seed,
    [method, JSON.stringify(options), data].join(" "),
  );
  // The same images are hard for every run.
  const ease = new RandomStream(1, data);
  const right = Uint8Array.from({ length: IMAGES }, () => {
    const hard = ease.next() - 0.5;
    return Number(random.next() < top1 - 0.6 * hard);
  });
  const correct = right.reduce((a, b) => a + b, 0);
  const key = JSON.stringify([method, options, data, seed]);
  const hash = new TextEncoder().encode(key).toHex().slice(-12);
  const epochs = state === "new" ? [] : Array.from(
    { length: state === "done" ? EPOCHS : 4 },
    (_, i) => ({
      epoch: i + 1,
      lr: 0.001,
      trainLoss: 2 / (i + 1),
      trainTop1: top1 * (1 - 0.6 / (i + 1)),
      gradientNorm: 1,
      validationLoss: 2 / (i + 1),
      validationTop1: top1 * (1 - 0.7 / (i + 1)) + 0.02 * random.next(),
      seconds: 2,
      imagesPerSecond: 400,
    }),
  );
  const origin = {
    method,
    options,
    settings: { ...defaultSettings, augment: noAugment, seed },
    backbone: { source: "vit-t8-32", hash: "b" },
    data: { source: `${data}.safetensors`, hash: `${data} hash`, name: data },
  };
  const share = correct / IMAGES;
  return {
    hash,
    origin,
    state,
    parameters,
    error: state === "failed" ? "Cannot train: the loss is NaN" : undefined,
    right: state === "done" ? right : undefined,
    result: state !== "done" ? undefined : {
      format: "alore-result",
      version: 1,
      hash,
      ...origin,
      classes: 10,
      seed,
      parameters,
      headParameters: 1930,
      test: {
        count: IMAGES,
        correct,
        top1: share,
        top5: 1,
        meanPerClass: share,
        loss: 0.5,
      },
      validationTop1: epochs.map(({ validationTop1 }) => validationTop1),
      seconds: 20 + random.next(),
      imagesPerSecond: 400,
      testImagesPerSecond: 900,
      engine: "cpu",
      host: "",
      alore: "0.1.0",
      date: "2024-01-02T03:04:05.000Z",
    },
    epochs,
    command: `deno task alore train --data ${data}.safetensors ` +
      `--method ${method} --seed ${seed} --out runs/${hash}`,
    configPath: state === "new" ? undefined : `runs/${hash}/config.json`,
  };
}

/** Four methods, sixteen ALoREs, three data sets, three seeds; some not done. */
export function exampleStudy(more: Partial<StudyReport> = {}): StudyReport {
  const settings: MadeRun[] = [
    { method: "linear", parameters: 0, top1: 0.55 },
    { method: "bitfit", parameters: 9216, top1: 0.66 },
    { method: "lora", options: { rank: 8 }, parameters: 36_864, top1: 0.72 },
    { method: "ssf", parameters: 18_432, top1: 0.72 },
    ...[1, 2, 4, 8].flatMap((experts) =>
      [1, 2, 4, 8].map((rank) => ({
        method: "alore",
        options: { experts, rank },
        parameters: 4608 * rank + experts ** 3,
        top1: 0.66 + 0.02 * Math.log2(experts) + 0.015 * Math.log2(rank),
      }))
    ),
  ];
  const datasets = [["digits", 0.08], ["drawings", 0], ["shapes", -0.12]];
  const runs = settings.flatMap((setting) =>
    datasets.flatMap(([data, ease]) =>
      [0, 1, 2].map((seed) => {
        const hard = data === "shapes" && setting.options?.experts === 8;
        return madeRun({
          ...setting,
          data: String(data),
          seed,
          top1: setting.top1! + Number(ease),
          state: !hard
            ? "done"
            : setting.options?.rank === 8
            ? "failed"
            : setting.options?.rank === 4
            ? "new"
            : "done",
        });
      })
    )
  );
  return {
    title: "runs/study",
    subtitle: "alore 0.1.0 · cpu engine · 2024-01-02",
    runs,
    repeat: ["deno task alore ablate --spec runs/study/study.json"],
    ...more,
  };
}
