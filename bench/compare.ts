/**
 * Compares this project with its peers on this machine, side by side.
 *
 * Run with `deno task bench:peers`; `--help` lists the options.
 *
 * @module
 */

import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Column, compare } from "./compare/driver.ts";
import {
  alore,
  aloreWebgpu,
  jaxJs,
  onnxruntime,
  pytorch,
  tfjs,
} from "./compare/peers.ts";
import { type Comparison, comparisonLines } from "./compare/report.ts";
import {
  memoryWork,
  scalingWork,
  webgpuMemoryWork,
  webgpuWorks,
  type Work,
  works,
} from "./compare/works.ts";

const HELP = `Compares with PyTorch and onnxruntime, in turn, on this machine.

  --device NAME   cpu, or webgpu: then with TensorFlow.js and jax-js instead
  --work NAME     a work, or how several begin; may be repeated. Default: all of
                  ${works.map(({ name }) => name).join(", ")}
  --rounds N      turns of each, default 5
  --turn SECONDS  length of a turn, default 3; at least one step
  --skip NAME     products, works, memory or scaling; may be repeated
  --threads N     default: all
  --blas PATH     the library of alore, BLAS; default: auto, as everywhere
  --python PATH   a Python with torch; default: python3, /usr/bin/python3
  --json FILE     writes everything as JSON, too
  --help
`;

const { values } = parseArgs({
  options: {
    device: { type: "string", default: "cpu" },
    work: { type: "string", multiple: true },
    rounds: { type: "string", default: "5" },
    turn: { type: "string", default: "3" },
    skip: { type: "string", multiple: true, default: [] },
    threads: { type: "string", default: String(availableParallelism()) },
    blas: { type: "string", default: "auto" },
    python: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});

/** Reads a number above 0, or from 0 on. */
function number(name: "rounds" | "turn" | "threads", least = 1): number {
  const value = Number(values[name]);
  if (value >= least && (name === "turn" || Number.isInteger(value))) {
    return value;
  }
  throw new RangeError(
    `Cannot use --${name}: got ${values[name]}, wanted at least ${least}`,
  );
}

if (values.device !== "cpu" && values.device !== "webgpu") {
  throw new RangeError(
    `Cannot use --device: got ${values.device}, wanted cpu or webgpu`,
  );
}
const onWebgpu = values.device === "webgpu";

function chosenWorks(): readonly Work[] {
  const { work: starts } = values;
  const known = onWebgpu ? webgpuWorks : works;
  if (!starts) return known;
  const found = known.filter(({ name }) =>
    starts.some((start) => name.startsWith(start))
  );
  if (found.length > 0) return found;
  throw new RangeError(
    `Cannot compare: got the work ${starts.join(", ")}, wanted one of ` +
      known.map(({ name }) => name).join(", "),
  );
}

function columns(threads: number): Column[] {
  const pythons = values.python
    ? [values.python]
    : ["python3", "/usr/bin/python3"];
  const settings = { threads, pythons };
  const ours = [...new Set([values.blas, "off"])].map((blas): Column => {
    const name = blas === "off" ? "alore, WASM" : "alore, BLAS";
    return {
      name,
      commands: [alore(name, blas, threads)],
      ours: true,
      single: threads > 1 ? alore(name, blas, 1) : undefined,
    };
  });
  return [
    { name: "PyTorch", commands: pytorch(settings), exports: true },
    {
      name: "onnxruntime",
      commands: [onnxruntime(settings)],
      needsExport: true,
    },
    ...ours,
  ];
}

function webgpuColumns(): Column[] {
  return [
    { name: "tfjs", commands: [tfjs()] },
    { name: "jax-js", commands: [jaxJs()] },
    { name: "alore, WebGPU", commands: [aloreWebgpu()], ours: true },
  ];
}

function load(): string {
  return Deno.loadavg().map((value) => value.toFixed(1)).join(" ");
}

function print(text: string, stream: typeof Deno.stdout = Deno.stdout): void {
  stream.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function main(): Promise<void> {
  const threads = number("threads");
  const date = new Date();
  const before = load();
  const folder = await Deno.makeTempDir();
  Deno.addSignalListener("SIGINT", () => {
    Deno.removeSync(folder, { recursive: true });
    Deno.exit(130);
  });
  try {
    const memory = onWebgpu ? webgpuMemoryWork : memoryWork;
    const skips = (name: string) => values.skip.includes(name);
    const found = await compare({
      columns: onWebgpu ? webgpuColumns() : columns(threads),
      sizes: skips("products") ? [] : [768, 1024],
      works: skips("works") ? [] : chosenWorks(),
      effort: { rounds: number("rounds"), turn: number("turn", 0) },
      folder,
      threads,
      memoryWork: skips("memory") ? undefined : memory,
      scalingWork: skips("scaling") || onWebgpu ? undefined : scalingWork,
      progress: (text) => print(`… ${text}`, Deno.stderr),
    });
    const machine = {
      date: date.toISOString(),
      processor: `${cpus()[0]?.model}, ${cpus().length} logical processors`,
      system: `${Deno.build.target}, Deno ${Deno.version.deno}`,
      "load of the machine": `${before} before, ${load()} after`,
    };
    const comparison: Comparison = {
      date: date.toISOString(),
      machine,
      ...found,
    };
    comparisonLines(comparison).forEach((line) => print(line));
    if (values.json !== undefined) {
      await Deno.writeTextFile(
        values.json,
        `${JSON.stringify(comparison, undefined, 2)}\n`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (values.help) print(HELP.trimEnd());
else await main();
