/**
 * What a user gets who does something wrong: one sentence, a remedy, the exit
 * code, and nothing left behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeDataset } from "../../core/data/dataset.ts";
import {
  readSafetensors,
  writeSafetensors,
} from "../../core/weights/safetensors.ts";
import { alore } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { plainImage } from "../support/image.ts";
import {
  SMALL_TRAIN,
  smallDataset,
  writeSmallFiles,
} from "../support/small_run.ts";

interface BadInput {
  readonly title: string;
  readonly words: readonly string[];
  readonly code: 1 | 2;
  /** The line after `error: `, from start to end. */
  readonly error: RegExp;
  readonly hint?: RegExp;
  /** Makes what the command trips over. */
  prepare?(folder: string): Promise<void>;
}

const TRAIN = [...SMALL_TRAIN, "--out=run"];

/** A file is where the folder above `--out` should be. */
const unwritable: readonly BadInput[] = [
  SMALL_TRAIN,
  ["ablate", ...SMALL_TRAIN.slice(1)],
  ["ablate", "--status"],
  ["merge", "--run=run"],
  ["data", "prepare", "folder", "photos"],
].map((words) => ({
  title: `${words.slice(0, 2).join(" ")} to where nothing can be written`,
  words: [...words, "--out=small.safetensors/new"],
  code: 1,
  error:
    /^Cannot write small\.safetensors\/new: got a file in place of a folder, wanted a folder that can be written$/,
  hint: /^choose another path/,
}));

const cases: readonly BadInput[] = [
  ...unwritable,
  {
    title: "a study from another folder than it was started in",
    words: ["ablate", "--out=study", "--list"],
    code: 1,
    error: /^Cannot read photos\.safetensors: got nothing there, /,
    hint: /^a study's paths are seen from the folder where it was started: /,
    prepare: async (folder) => {
      await Deno.mkdir(`${folder}/study`);
      const [data, backbone] = ["photos", "small"]
        .map((name) => `${name}.safetensors`);
      await Deno.writeTextFile(
        `${folder}/study/study.json`,
        JSON.stringify({ grids: [{ data, backbone }] }),
      );
    },
  },
  {
    title: "an unknown command",
    words: ["trian", "--data", "x"],
    code: 2,
    error: /^Unknown command: trian$/,
    hint: /^did you mean train\? /,
  },
  {
    title: "an unknown flag",
    words: [...TRAIN, "--expert", "4"],
    code: 2,
    error: /^Unknown flag: --expert$/,
    hint: /^did you mean --experts\?$/,
  },
  {
    title: "a number that is none",
    words: [...TRAIN, "--lr", "fast"],
    code: 2,
    error: /^Cannot use --lr: got "fast", wanted a number$/,
  },
  {
    title: "experts that do not divide the width",
    words: [...TRAIN, "--experts", "5"],
    code: 1,
    error: /^Cannot build the ALoRE adapters: got 5 experts .*48 \(1, 2, 3, 4/,
    hint: /^--experts 4 /,
  },
  {
    title: "a rank below 1",
    words: [...TRAIN, "--rank", "0"],
    code: 1,
    error: /^Cannot configure alore: got rank 0, wanted .* at least 1$/,
  },
  {
    title: "an option of another method",
    words: [...TRAIN, "--method", "linear", "--rank", "2"],
    code: 1,
    error: /^Cannot use --rank: got method linear, wanted alore, /,
    hint: /^--method alore$/,
  },
  {
    title: "a batch that cannot fit",
    words: [...TRAIN, "--batch-size", "100000000"],
    code: 1,
    error: /^Cannot .*training step of 100000000 images.* got .*, wanted /,
    hint: /batch/,
  },
  {
    title: "a learning rate that diverges",
    words: [...TRAIN, "--method=full", "--lr", "1e30"],
    code: 1,
    error:
      /^Cannot go on training: got a loss of .*, wanted finite numbers; the first of them came from op \d+ of \d+, \w+ with /,
    hint: /--lr/,
  },
  {
    title: "data of another size",
    words: [...TRAIN, "--data=large.safetensors"],
    code: 1,
    error: /^Cannot train on large\.safetensors: got images of 20 pixels, .*16/,
    hint: /--size 16; or --image-size 20 /,
    prepare: (folder) =>
      writeDataset(`${folder}/large.safetensors`, smallDataset(["a"], 20)),
  },
  {
    title: "a backbone with wrong tensors, all listed",
    words: [...TRAIN, "--backbone=wrong.safetensors"],
    code: 1,
    error: new RegExp(
      "^Cannot read the backbone wrong\\.safetensors: got 3 wrong tensors " +
        "\\(norm\\.weight \\[24\\] instead of \\[48\\]; missing norm\\.bias; " +
        "extra stray\\), wanted ",
    ),
    async prepare(folder) {
      const file = await readSafetensors(`${folder}/small.safetensors`);
      const weight = file.tensors.get("norm.weight")!;
      file.tensors.delete("norm.bias");
      file.tensors.set("norm.weight", {
        ...weight,
        shape: [24],
        data: weight.data.slice(0, 96),
      });
      file.tensors.set("stray", { ...weight });
      await writeSafetensors(`${folder}/wrong.safetensors`, file);
    },
  },
  {
    title: "a name without weights",
    words: [...TRAIN, "--backbone=vit-b16"],
    code: 1,
    error: /^Cannot read the backbone vit-b16: got a name without weights, /,
    hint: /scratch:vit-b16/,
  },
  {
    title: "a truncated backbone",
    words: [...TRAIN, "--backbone=short.safetensors"],
    code: 1,
    error: /^Cannot read short\.safetensors: got .*, wanted /,
    async prepare(folder) {
      const bytes = await Deno.readFile(`${folder}/small.safetensors`);
      await Deno.writeFile(
        `${folder}/short.safetensors`,
        bytes.subarray(0, bytes.length - 100),
      );
    },
  },
  {
    title: "a header that lies about its length",
    words: ["data", "check", "lie.safetensors"],
    code: 1,
    error: /^Cannot read lie\.safetensors: got .*, wanted /,
    async prepare(folder) {
      const bytes = await Deno.readFile(`${folder}/data.safetensors`);
      new DataView(bytes.buffer).setBigUint64(0, 2n ** 62n, true);
      await Deno.writeFile(`${folder}/lie.safetensors`, bytes);
    },
  },
  {
    title: "a header whose tensors overlap",
    words: ["data", "check", "overlap.safetensors"],
    code: 1,
    error: /^Cannot read overlap\.safetensors: got .*, wanted /,
    async prepare(folder) {
      const tensor = (from: number) =>
        `{"dtype":"U8","shape":[8],"data_offsets":[${from},${from + 8}]}`;
      const header = `{"a":${tensor(0)},"b":${tensor(4)}}`;
      const bytes = new Uint8Array(8 + header.length + 12);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
      bytes.set(new TextEncoder().encode(header), 8);
      await Deno.writeFile(`${folder}/overlap.safetensors`, bytes);
    },
  },
  {
    title: "an empty class folder",
    words: ["data", "prepare", "folder", "photos", "--out=p.safetensors"],
    code: 1,
    error: /^Cannot read photos\/dog: got no images, wanted at least one /,
    hint: /^Remove the folder, or put /,
    async prepare(folder) {
      await Deno.mkdir(`${folder}/photos/cat`, { recursive: true });
      await Deno.mkdir(`${folder}/photos/dog`, { recursive: true });
      const image = await plainImage([9, 9, 9], 8, 8);
      await Deno.writeFile(`${folder}/photos/cat/1.png`, image);
    },
  },
  {
    title: "an image that is none",
    words: ["data", "prepare", "folder", "photos", "--out=p.safetensors"],
    code: 1,
    error: /photos\/cat\/2\.png/,
    hint: /--skip-broken/,
    async prepare(folder) {
      await Deno.mkdir(`${folder}/photos/cat`, { recursive: true });
      const image = await plainImage([9, 9, 9], 8, 8);
      for (const i of [1, 3, 4, 5, 6, 7, 8, 9]) {
        await Deno.writeFile(`${folder}/photos/cat/${i}.png`, image);
      }
      await Deno.writeTextFile(`${folder}/photos/cat/2.png`, "no image");
    },
  },
  {
    title: "a run's path that exists",
    words: TRAIN,
    code: 1,
    error: /^Cannot write run: got a path that exists, wanted a new one$/,
    hint: /--out.*--resume/,
    prepare: (folder) => Deno.writeTextFile(`${folder}/run`, "mine"),
  },
  {
    title: "a file's path that exists",
    words: ["data", "show", "data.safetensors", "--out=sheet.png"],
    code: 1,
    error: /^Cannot write sheet\.png: got a path that exists, /,
    hint: /^Choose another path/,
    prepare: (folder) => Deno.writeTextFile(`${folder}/sheet.png`, "mine"),
  },
  {
    title: "a run that is none",
    words: ["eval", "--run=photos"],
    code: 1,
    error: /^Cannot open the run photos: got no readable config\.json in it, /,
  },
  {
    title: "a data set that is none",
    words: ["data", "check", "small.safetensors"],
    code: 1,
    error: /^Cannot read small\.safetensors: got format .* wanted "alore-/,
    hint: /data prepare/,
  },
];

for (const { title, words, code, error, hint, prepare } of cases) {
  Deno.test(`alore answers ${title} with ${code}`, () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      await prepare?.(folder);
      const before = await snapshot(folder);
      const ended = await alore(folder, ...words);
      assert.equal(ended.code, code, ended.stderr);
      assert.equal(ended.stdout, "");
      const said = /^error: (.*)\n(?:hint: {2}(.*)\n)?$/m.exec(ended.stderr);
      assert.match(said?.[1] ?? "", error, ended.stderr);
      if (hint) assert.match(said?.[2] ?? "", hint, ended.stderr);
      assert.doesNotMatch(ended.stderr, /^ +at /m);
      assert.deepEqual(await snapshot(folder), before);
    }));
}

Deno.test("alore refuses data whose classes are not the run's", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const other = smallDataset(["blue", "green", "violet"]);
    await writeDataset(`${folder}/other.safetensors`, other);
    assert.equal((await alore(folder, ...TRAIN)).code, 0);
    const words = ["--run=run", "--data=other.safetensors", "--device=cpu"];
    const { code, stderr } = await alore(folder, "eval", ...words);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error: Cannot evaluate on other\.safetensors: got classes without "red" and with "violet", wanted the run's: "blue", "green", "red"$/m,
    );
  }));

Deno.test("alore shows a stack trace with --verbose only", () =>
  inFolder(async (folder) => {
    const words = ["data", "check", "nothing.safetensors"];
    const plain = await alore(folder, ...words);
    const verbose = await alore(folder, ...words, "--verbose");
    assert.doesNotMatch(plain.stderr, /^ +at /m);
    assert.match(verbose.stderr, /^ +at .*read_file\.ts/m);
    assert.deepEqual([plain.code, verbose.code], [1, 1]);
  }));

Deno.test("alore --json prints errors as one document too", () =>
  inFolder(async (folder) => {
    const ended = await alore(folder, "params", "--metod=x", "--json");
    assert.equal(ended.code, 2);
    assert.deepEqual(JSON.parse(ended.stdout), {
      error: {
        message: "Unknown flag: --metod",
        hint: "did you mean --method?",
      },
    });
  }));

/** Every file with its size and first bytes. */
async function snapshot(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) {
      found.push(`${name}/`, ...(await snapshot(path)));
    } else {
      const bytes = await Deno.readFile(path);
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      found.push(`${name} ${new Uint8Array(digest).toHex()}`);
    }
  }
  return found.sort();
}
