/**
 * Compiles the kernels in `wasm/` and writes them into `wasm_binary.ts`.
 *
 * `--check` writes nothing and fails if the file is not what the source gives.
 *
 * @module
 */

// @ts-types="./asc.d.ts"
import asc from "assemblyscript/asc";

const FOLDER = new URL("./wasm/", import.meta.url);
const TARGET = new URL("./wasm_binary.ts", import.meta.url);

const FLAGS = [
  "--importMemory",
  "--sharedMemory",
  "--initialMemory",
  "1",
  "--maximumMemory",
  "65536",
  "--noExportMemory",
  // Behind the control words of the first page.
  "--memoryBase",
  "8192",
  "--enable",
  "simd",
  "--enable",
  "threads",
  "--runtime",
  "stub",
  "-O3",
  "--converge",
  "--noAssert",
];

/** The sources by name, with the compiler's decorators in place. */
async function readSources(): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for await (const entry of Deno.readDir(FOLDER)) {
    if (!entry.name.endsWith(".ts") || entry.name.endsWith(".d.ts")) continue;
    const text = await Deno.readTextFile(new URL(entry.name, FOLDER));
    const source = text
      .replaceAll(/^\/\/ @inline$/gm, "@inline")
      .replaceAll(/(from "\.\/\w+)\.ts"/g, '$1"');
    sources.set(entry.name, source);
  }
  return sources;
}

async function compile(
  sources: Map<string, string>,
  relaxed: boolean,
): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const flags = relaxed ? [...FLAGS, "--enable", "relaxed-simd"] : FLAGS;
  const result = await asc.main(["index.ts", "--outFile", "out", ...flags], {
    readFile: (name) => sources.get(name) ?? null,
    writeFile: (_name, contents) => {
      if (contents instanceof Uint8Array) binary = contents;
    },
    listFiles: () => [],
  });
  if (result.error !== null || binary === undefined) {
    throw new SyntaxError(
      `Cannot compile the kernels: ${result.error?.message ?? "no output"}\n` +
        result.stderr.toString(),
    );
  }
  return binary;
}

const sources = await readSources();
const relaxed = (await compile(sources, true)).toBase64();
const plain = (await compile(sources, false)).toBase64();
const text = `// Made by \`deno task build:wasm\` from wasm/; do not edit.

/** The kernels with relaxed SIMD (fused multiply-add), base64. */
export const RELAXED: string =
  "${relaxed}";

/** The kernels with plain SIMD, base64. */
export const PLAIN: string =
  "${plain}";
`;

if (Deno.args.includes("--check")) {
  if (await Deno.readTextFile(TARGET) !== text) {
    throw new TypeError(
      "Cannot trust wasm_binary.ts: it is not what wasm/ gives, run deno task build:wasm",
    );
  }
} else {
  await Deno.writeTextFile(TARGET, text);
}
