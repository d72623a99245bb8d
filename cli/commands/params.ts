import { methods } from "../../core/methods/mod.ts";
import { isHead, type ModelShape } from "../../core/methods/method.ts";
import type { Shape } from "../../core/graph/graph.ts";
import { modelShape } from "../../core/models/architectures.ts";
import { backboneConfig } from "../backbone.ts";
import {
  chooseMethods,
  type ChosenMethod,
  printRefused,
} from "../chosen_methods.ts";
import type { CliCommand } from "../command.ts";
import { kebab, methodFlags } from "../flags.ts";
import { count, percent } from "../format.ts";
import type { Input } from "../input.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";

/** Prints how many parameters each method trains. */
export const params: CliCommand = {
  name: "params",
  summary: "trainable parameters of every method on a backbone",
  examples: [
    "params --backbone vit-b16",
    "params --backbone vit-b16 --method alore --experts 8 --rank 2",
  ],
  flags: [
    {
      name: "backbone",
      kind: "text",
      placeholder: "NAME|FILE",
      default: "vit-t8-32",
      help: "a known architecture or a file of weights",
    },
    {
      name: "method",
      kind: "text",
      placeholder: "NAME",
      defaultText: "all",
      help: "one method only",
    },
    {
      name: "classes",
      kind: "integer",
      default: 10,
      minimum: 1,
      help: "classes of the task, for the head",
    },
    ...methodFlags(methods.values()),
  ],
  run,
};

/** What one method trains. */
interface Row {
  readonly method: string;
  readonly options: Readonly<Record<string, number | string>>;
  /** Without the head. */
  readonly trainable: number;
  readonly shareOfBackbone: number;
}

async function run(input: Input, output: Output): Promise<unknown> {
  const name = input.text("backbone");
  const found = await backboneConfig(name);
  const config = { ...found, classes: input.number("classes") };
  const shape = modelShape(config);
  const { chosen, refused } = chooseMethods(input, config);
  const [head, backbone] = [true, false].map((wanted) =>
    sum(
      [...shape.tensors].filter(([tensor]) => isHead(shape, tensor) === wanted),
    )
  );
  const rows = chosen.map((one) => rowOf(one, shape, backbone));
  output.print(
    `${name}  ${count(backbone)} parameters without the head; the head for ` +
      `${input.number("classes")} classes has ${count(head)}`,
  );
  output.print();
  const lines = table(
    [
      { title: "method" },
      { title: "trainable", align: "right" },
      { title: "of backbone", align: "right" },
      { title: "options" },
    ],
    rows.map((row) => [
      row.method,
      count(row.trainable),
      percent(row.shareOfBackbone, 3),
      sizeOptions(row.options),
    ]),
  );
  lines.forEach((line) => output.print(line));
  printRefused(refused, output);
  output.print();
  output.print("Trainable numbers leave out the head, which always trains.");
  return { backbone: name, parameters: backbone, head, methods: rows, refused };
}

function rowOf(
  { method, options }: ChosenMethod,
  model: ModelShape,
  backbone: number,
): Row {
  const trained = [...model.tensors]
    .filter(([tensor]) => !isHead(model, tensor) && method.trains(tensor));
  const added = method.tensors(options, model)
    .filter(({ fixed }) => !fixed)
    .map(({ name, shape }) => [name, shape] as const);
  const trainable = sum(trained) + sum(added);
  const shareOfBackbone = trainable / backbone;
  return { method: method.name, options, trainable, shareOfBackbone };
}

/** Options as text, without dropouts, which have no say in a count. */
function sizeOptions(options: Row["options"]): string {
  return Object.entries(options)
    .filter(([name]) => !/dropout$/i.test(name))
    .map(([name, value]) => `${kebab(name)} ${value}`).join(", ");
}

function sum(tensors: readonly (readonly [string, Shape])[]): number {
  return tensors.reduce(
    (total, [, shape]) => total + shape.reduce((a, b) => a * b, 1),
    0,
  );
}
