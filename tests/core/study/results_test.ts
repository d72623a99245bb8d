import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { aggregate } from "../../../core/study/aggregate.ts";
import { gatherResults, readStudy } from "../../../core/study/results.ts";
import { resultsCsv } from "../../../core/study/results_csv.ts";
import {
  latexTables,
  markdownTables,
} from "../../../core/study/results_table.ts";
import { parseResult, type RunResult } from "../../../core/study/run_result.ts";
import { StudyDirectory } from "../../../core/study/study_directory.ts";
import { defaultSettings } from "../../../core/train/settings.ts";
import { inFolder } from "../../support/folder.ts";

interface Made {
  readonly method?: string;
  readonly rank?: number;
  readonly data?: string;
  readonly dataHash?: string;
  readonly seed?: number;
  readonly correct: number;
  readonly bestCorrect?: number;
}

/** A result on 100 test images. */
function made(
  {
    method = "alore",
    rank,
    data = "digits",
    dataHash = `${data} hash`,
    seed = 0,
    correct,
    bestCorrect,
  }: Made,
): RunResult {
  const test = (right: number) => ({
    count: 100,
    correct: right,
    top1: right / 100,
    top5: 1,
    meanPerClass: right / 100,
    loss: 0.5,
  });
  const name = JSON.stringify([method, rank, dataHash, seed]);
  return {
    format: "alore-result",
    version: 1,
    hash: new TextEncoder().encode(name).toHex(),
    method,
    options: rank === undefined ? {} : { rank, experts: 4 },
    settings: { ...defaultSettings, augment: noAugment, seed },
    backbone: { source: "small", hash: "b" },
    data: { source: `${data}.safetensors`, hash: dataHash, name: data },
    classes: 10,
    seed,
    parameters: 1000 * (rank ?? 0),
    headParameters: 10,
    test: test(correct),
    best: bestCorrect === undefined
      ? undefined
      : { epoch: 1, validationTop1: 0.9, test: test(bestCorrect) },
    validationTop1: [0.5, 0.9],
    seconds: 2 + seed,
    imagesPerSecond: 100,
    testImagesPerSecond: 200,
    engine: "cpu",
    host: "",
    alore: "0.1.0",
    date: "2024-01-02T03:04:05.000Z",
  };
}

Deno.test("aggregate() gives mean and sample deviation over seeds", () => {
  const { rows, seeds, axes } = aggregate([
    made({ rank: 8, seed: 0, correct: 80 }),
    made({ rank: 8, seed: 1, correct: 84 }),
    made({ rank: 2, seed: 0, correct: 70 }),
    made({ rank: 2, seed: 1, correct: 70 }),
  ], "last");
  assert.deepEqual(axes, ["method", "rank"]);
  assert.deepEqual(seeds, [2, 2]);
  assert.deepEqual(rows.map(({ values }) => values.get("rank")), [2, 8]);
  const [worse, better] = rows.map(({ cells }) => cells.get("digits hash")!);
  assert.ok(Math.abs(better.mean - 0.82) < 1e-12);
  assert.ok(Math.abs(better.std! - Math.sqrt(2) * 0.02) < 1e-12);
  assert.deepEqual([worse.std, worse.top, better.top], [0, false, true]);
  assert.equal(rows[0].seconds, 2.5);
  assert.equal(rows[0].mean, undefined);
});

Deno.test("aggregate() means over data sets only where all are done", () => {
  const { rows, datasets } = aggregate([
    made({ rank: 2, data: "b", correct: 60 }),
    made({ rank: 2, data: "a", correct: 80 }),
    made({ rank: 4, data: "a", correct: 90 }),
  ], "last");
  assert.deepEqual([...datasets.values()], ["a", "b"]);
  assert.equal(rows[0].mean?.mean, 0.7);
  assert.equal(rows[1].mean, undefined);
  assert.equal(rows[1].cells.get("b hash"), undefined);
});

Deno.test("aggregate() tells data sets of one name apart by their hash", () => {
  const { datasets } = aggregate([
    made({ rank: 2, dataHash: "111111aa", correct: 60 }),
    made({ rank: 2, dataHash: "222222aa", correct: 60 }),
  ], "last");
  assert.deepEqual([...datasets.values()], ["digits 111111", "digits 222222"]);
});

Deno.test("aggregate() keeps methods apart that share no option", () => {
  const { rows } = aggregate([
    made({ method: "full", correct: 90 }),
    made({ rank: 4, correct: 80 }),
    made({ rank: 2, correct: 70 }),
  ], "last");
  assert.deepEqual(rows.map(({ values }) => [...values.values()]), [
    ["alore", 2],
    ["alore", 4],
    ["full"],
  ]);
});

Deno.test("aggregate() leaves out what only the methods' defaults change", () => {
  const alore = made({ rank: 4, correct: 80 });
  const full = made({ method: "full", correct: 90 });
  const other = { ...full, settings: { ...full.settings, lr: 0.5 } };
  assert.deepEqual(aggregate([alore, other], "last").axes, ["method"]);
  const longer = { ...full, settings: { ...full.settings, epochs: 99 } };
  assert.deepEqual(aggregate([alore, longer], "last").axes, [
    "method",
    "epochs",
  ]);
  assert.deepEqual(aggregate([alore, full, other], "last").axes, [
    "method",
    "lr",
  ]);
});

Deno.test("aggregate() has one row for a method with a rate for each data set", () => {
  const at = (data: string, lr: number, correct: number) => {
    const result = made({ method: "full", data, correct });
    return { ...result, settings: { ...result.settings, lr } };
  };
  const chosen = [at("a", 0.1, 90), at("b", 0.2, 80)];
  const table = aggregate(chosen, "last");
  assert.deepEqual(table.axes, ["method"]);
  assert.equal(table.rows.length, 1);
  assert.ok(Math.abs(table.rows[0].mean!.mean - 0.85) < 1e-12);
  const said = "learning rates differ by data set";
  assert.ok(markdownTables([table]).includes(said));
  const searched = aggregate([...chosen, at("a", 0.2, 70)], "last");
  assert.deepEqual(searched.axes, ["method", "lr"]);
  assert.equal(searched.rows.length, 2);
});

const TABLE = [
  made({ rank: 2, data: "my_data", seed: 0, correct: 70, bestCorrect: 75 }),
  made({ rank: 2, data: "my_data", seed: 1, correct: 74, bestCorrect: 75 }),
  made({ rank: 1024, data: "my_data", seed: 0, correct: 80, bestCorrect: 71 }),
];

Deno.test("markdownTables() marks the best and says where seeds are missing", () => {
  const text = markdownTables([
    aggregate(TABLE, "last"),
    aggregate(TABLE, "best"),
  ]);
  assert.match(text, /after the last epoch, .* over 1 to 2 seeds/);
  assert.match(text, /^\| method \| rank \| parameters \| my\\_data \|/m);
  assert.match(text, /^\| alore \| 2 \| 2,000 \| 72\.0 ± 2\.8 \| 2\.5 \|$/m);
  assert.match(text, /^\| alore \| 1024 \| .* \| \*\*80\.0\*\* \(n=1\) \|/m);
  assert.match(text, /best on the validation images/);
  assert.match(text, /^\| alore \| 2 \| 2,000 \| \*\*75\.0 ± 0\.0\*\* \|/m);
});

Deno.test("latexTables() writes booktabs with escaped names", () => {
  const text = latexTables([aggregate(TABLE, "last")]);
  assert.match(text, /^\\begin\{tabular\}\{lrrrr\}$/m);
  assert.match(text, /^method & rank & parameters & my\\_data & time \(s\) /m);
  assert.match(
    text,
    /^alore & 2 & 2\{,\}000 & 72\.0\\,\$\\pm\$\\,2\.8 & 2\.5 /m,
  );
  assert.match(text, /& \\textbf\{80\.0\} \(n=1\) & /);
  const rows = text.split("\n").filter((line) => line.endsWith("\\\\"));
  assert.deepEqual(rows.map((row) => row.split("&").length), [5, 5, 5]);
});

/** Debian's texlive-latex-base and texlive-latex-recommended, or none. */
const latex: string | undefined = ["/usr/bin/pdflatex"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

Deno.test({
  name: "latexTables() writes what LaTeX sets without a warning [latex]",
  ignore: latex === undefined && Deno.env.get("ALORE_REQUIRE_LATEX") !== "1",
  fn: () =>
    inFolder(async (folder) => {
      const odd = made({
        rank: 4,
        data: "a_b #1 50% <$x^2$> ~{\\}|&",
        correct: 1,
      });
      const table = latexTables([
        aggregate([...TABLE, odd], "last"),
        aggregate(TABLE, "best"),
      ]);
      await Deno.writeTextFile(`${folder}/table.tex`, table);
      await Deno.writeTextFile(
        `${folder}/paper.tex`,
        "\\documentclass{article}\n\\usepackage{booktabs}\n" +
          "\\begin{document}\n\\input{table}\n\\end{document}\n",
      );
      assert.ok(latex, "/usr/bin/pdflatex is not there");
      const { code, stdout } = await new Deno.Command(latex, {
        args: ["-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd: folder,
        env: { HOME: folder },
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).output();
      const said = new TextDecoder().decode(stdout);
      assert.equal(code, 0, said);
      assert.doesNotMatch(said, /^! |LaTeX Warning|Missing character/m);
      assert.ok((await Deno.stat(`${folder}/paper.pdf`)).size > 1000);
    }),
});

Deno.test("resultsCsv() has a line a run and a column a setting", () => {
  const lines = resultsCsv([
    made({ rank: 2, correct: 70, bestCorrect: 75 }),
    made({ method: "full", correct: 80 }),
  ]).trimEnd().split("\r\n").map((line) => line.split(","));
  const [names, first, second] = lines;
  const field = (row: string[], name: string) => row[names.indexOf(name)];
  assert.equal(new Set(lines.map(({ length }) => length)).size, 1);
  assert.equal(field(first, "rank"), "2");
  assert.equal(field(second, "rank"), "");
  assert.equal(field(first, "test_top1"), "0.7");
  assert.equal(field(first, "best_test_top1"), "0.75");
  assert.equal(field(second, "best_test_top1"), "");
  assert.equal(field(first, "batch_size"), "64");
});

/** Writes results as finished runs do. */
async function finish(path: string, results: RunResult[]): Promise<void> {
  const study = new StudyDirectory(path);
  await study.create();
  for (const result of results) {
    await Deno.mkdir(study.runPath(result.hash), { recursive: true });
    await study.saveResult(result);
  }
}

Deno.test("gatherResults() appends what is new and never changes a line", () =>
  inFolder(async (folder) => {
    const study = new StudyDirectory(folder);
    const [a, b, c] = TABLE;
    await finish(folder, [a, b]);
    assert.equal((await gatherResults(study)).length, 2);
    const before = await Deno.readTextFile(`${folder}/results.jsonl`);
    await finish(folder, [c]);
    await gatherResults(study);
    await gatherResults(study);
    const after = await Deno.readTextFile(`${folder}/results.jsonl`);
    assert.ok(after.startsWith(before));
    assert.equal(after.trim().split("\n").length, 3);
    assert.deepEqual((await readStudy(folder)).results.length, 3);
    for (const name of ["results.csv", "table.md", "table.tex"]) {
      assert.ok((await Deno.stat(`${folder}/${name}`)).size > 100, name);
    }
  }));

Deno.test("gatherResults() goes on after a line that a crash cut short", () =>
  inFolder(async (folder) => {
    const study = new StudyDirectory(folder);
    const [a, b] = TABLE;
    await finish(folder, [a]);
    await gatherResults(study);
    const log = `${folder}/results.jsonl`;
    await Deno.writeTextFile(log, JSON.stringify(b).slice(0, 50), {
      append: true,
    });
    await finish(folder, [b]);
    const found = await gatherResults(study);
    assert.deepEqual(found.map(({ hash }) => hash), [a.hash, b.hash]);
    assert.deepEqual((await readStudy(folder)).results, found);
  }));

Deno.test("gatherResults() takes the later result of a run that was done again", () =>
  inFolder(async (folder) => {
    const study = new StudyDirectory(folder);
    const [a] = TABLE;
    await finish(folder, [a]);
    await gatherResults(study);
    const later = { ...a, date: "2025-01-01T00:00:00.000Z" };
    await finish(folder, [later]);
    const found = await gatherResults(study, [a.hash]);
    assert.deepEqual(found.map(({ date }) => date), [later.date]);
    const lines = await Deno.readTextFile(`${folder}/results.jsonl`);
    assert.equal(lines.trim().split("\n").length, 2);
  }));

Deno.test("parseResult() names a field that is wrong", () => {
  const text = JSON.stringify({ ...TABLE[0], test: { count: 1 } });
  assert.throws(() => parseResult(text, "x"), {
    name: "SyntaxError",
    message: /^Cannot read the result x: got a wrong field "test\.correct"/,
  });
});
