/**
 * The rules of the house that a reader relies on, checked on the files.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DENO_VERSION, VERSION } from "../core/version.ts";
import { BLAS_PATHS } from "../kernels/cpu/blas.ts";

const ROOT = new URL("../", import.meta.url);

/** Folders from the ground up; a file imports from its own floor or below. */
const FLOORS: readonly (readonly string[])[] = [
  ["kernels/"],
  [
    "core/errors.ts",
    "core/nearest.ts",
    "core/rng.ts",
    "core/version.ts",
    "core/weights/",
  ],
  ["core/graph/", "core/data/"],
  ["core/ops/"],
  ["core/methods/"],
  ["core/models/"],
  ["core/merge.ts"],
  ["core/train/"],
  ["core/export/"],
  ["core/study/", "mod.ts"],
  ["cli/"],
];

const SOURCES = ["cli", "core", "kernels", "bench"];

function* files(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* files(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

const sources = [...SOURCES.flatMap((folder) => [...files(folder)]), "mod.ts"];
const textOf = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));

function floorOf(path: string): number {
  return FLOORS.findIndex((floor) =>
    floor.some((prefix) => path.startsWith(prefix))
  );
}

/** Relative imports of a file, as paths from the root. */
function importsOf(path: string): string[] {
  const here = new URL(path, ROOT);
  return [...textOf(path).matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)]
    .map(([, target]) => new URL(target, here).pathname)
    .map((target) => target.slice(ROOT.pathname.length));
}

Deno.test("every source file stands on a floor", () => {
  const homeless = sources
    .filter((path) => !path.startsWith("bench/") && floorOf(path) < 0);
  assert.deepEqual(homeless, []);
});

Deno.test("imports never go up a floor", () => {
  const upward = sources.filter((path) => !path.startsWith("bench/"))
    .flatMap((path) =>
      importsOf(path).filter((target) => floorOf(target) > floorOf(path))
        .map((target) => `${path} imports ${target}`)
    );
  assert.deepEqual(upward, []);
});

Deno.test("no two rooms import each other", () => {
  const room = (path: string) => path.split("/").slice(0, 2).join("/");
  const pairs = new Set(
    sources.flatMap((path) =>
      importsOf(path).map((target) => `${room(path)} ${room(target)}`)
    ),
  );
  const mutual = [...pairs].filter((pair) => {
    const [a, b] = pair.split(" ");
    return a !== b && pairs.has(`${b} ${a}`) && !a.startsWith("cli");
  });
  assert.deepEqual(mutual, []);
});

Deno.test("no source file is longer than 400 lines", () => {
  const long = sources
    .filter((path) => !path.endsWith("wasm_binary.ts"))
    .map((path) => ({ path, lines: textOf(path).split("\n").length }))
    .filter(({ lines }) => lines > 400);
  assert.deepEqual(long, []);
});

Deno.test("no kernel's WGSL is pieced together from strings", () => {
  const pieced = sources
    .filter((path) => path.startsWith("kernels/webgpu/"))
    .filter((path) =>
      [...textOf(path).matchAll(/\/\* wgsl \*\/ `([^`]*)`/g)]
        .some(([, wgsl]) => wgsl.includes("${"))
    );
  assert.deepEqual(pieced, []);
});

Deno.test("the version is the same everywhere", () => {
  assert.equal(VERSION, config.version);
  assert.match(textOf("CHANGELOG.md"), new RegExp(`## ${VERSION}\\b`));
});

Deno.test("the README runs the version of Deno that is pinned", () => {
  const named = [...textOf("README.md").matchAll(/deno@([0-9.]*[0-9])/g)];
  assert.ok(named.length >= 2);
  for (const [, version] of named) assert.equal(version, DENO_VERSION);
});

const [config, devConfig] = ["deno.json", "deno.dev.json"]
  .map((path) => JSON.parse(textOf(path)));

Deno.test("no task asks for every permission", () => {
  for (const [name, task] of Object.entries<string>(config.tasks)) {
    assert.doesNotMatch(task, /\s(-A|--allow-all|--allow-ffi)(\s|$)/, name);
  }
  for (const { permissions } of [config, devConfig]) {
    for (const [name, set] of Object.entries<Permissions>(permissions)) {
      assert.equal(set.all, undefined, name);
    }
  }
});

interface Permissions {
  all?: boolean;
  ffi?: boolean | string[];
}

Deno.test("what computes may open the BLAS libraries, and no other", () => {
  const sets = Object.entries<Permissions>({
    ...config.permissions,
    ...devConfig.permissions,
  }).filter(([, { ffi }]) => ffi !== undefined);
  assert.deepEqual(
    sets.map(([name]) => name).sort(),
    ["alore", "bench", "demo", "golden", "test"],
  );
  for (const [name, { ffi }] of sets) assert.deepEqual(ffi, BLAS_PATHS, name);
});

Deno.test("developers have every import that users have", () => {
  for (const [name, target] of Object.entries(config.imports)) {
    assert.equal(devConfig.imports[name], target);
  }
  assert.deepEqual(devConfig.compilerOptions, config.compilerOptions);
});

// What is imported when it is needed is downloaded then, by those who need it,
// and what it is is written down before: their checkouts stay as they were.
Deno.test("the lock file knows what is imported when it is needed", () => {
  const { specifiers } = JSON.parse(textOf("deno.lock"));
  const { imports, unstable } = JSON.parse(textOf("deno.json"));
  const pattern = /"(npm:(?:@[^/"]+\/)?[^/"]+)[^"]*"/g;
  const named = sources.filter((path) => !path.startsWith("bench/"))
    .flatMap((path) => [...textOf(path).matchAll(pattern)])
    .map(([, name]) => name);
  assert.ok(named.length > 0);
  for (const name of named) assert.ok(name in specifiers, name);
  const always = Object.values(imports).join(" ");
  for (const name of named) assert.ok(!always.includes(name), name);
  assert.ok(unstable.includes("npm-lazy-caching"));
});
