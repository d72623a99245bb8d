import assert from "node:assert/strict";
import { hintOf } from "../../../core/errors.ts";
import { parseSpec, seedsOf } from "../../../core/study/spec.ts";

const WANTED = [
  { data: ["a", "b"], seed: [0, 1, 2], method: ["alore"], experts: [1, 2] },
  { data: ["a", "b"], seed: [7], method: ["full"], lr: [1e-3] },
];

const texts: Readonly<Record<string, string>> = {
  "study.yaml": `
# Two grids.
data: [a, b]
seeds: 3
grids:
  - method: alore
    experts: [1, 2]
  - { method: full, seed: 7, lr: 1e-3 }
`,
  "study.toml": `
data = ["a", "b"]
seeds = 3
[[grids]]
method = "alore"
experts = [1, 2]
[[grids]]
method = "full"
seed = 7
lr = 1e-3
`,
  "study.json": JSON.stringify({
    data: ["a", "b"],
    seeds: 3,
    grids: [
      { method: "alore", experts: [1, 2] },
      { method: "full", seed: 7, lr: 1e-3 },
    ],
  }),
};

for (const [path, text] of Object.entries(texts)) {
  Deno.test(`parseSpec() reads ${path}`, () => {
    const grids = parseSpec(text, path).map((grid) => ({ ...grid }));
    assert.deepEqual(grids, WANTED);
  });
}

Deno.test("parseSpec() takes a file without grids as one grid", () => {
  assert.deepEqual(parseSpec("data: a\nseeds: [1, 7]\n", "s.yml"), [
    { data: ["a"], seed: [1, 7] },
  ]);
});

Deno.test("parseSpec() reads lists of options with a plus between them", () => {
  const [grid] = parseSpec("data: a\ntargets: [q+v, q+k+v]\n", "s.yaml");
  assert.deepEqual(grid.targets, ["q,v", "q,k,v"]);
});

Deno.test("seedsOf() counts from 0", () => {
  assert.deepEqual(seedsOf(3), [0, 1, 2]);
  assert.deepEqual(seedsOf([3]), [3]);
});

const faults: readonly (readonly [string, string, string, RegExp, RegExp?])[] =
  [
    [
      "an unknown field",
      "s.yaml",
      "data: a\ngrids:\n  - rank: 1\n    exprts: [1]\n",
      /^Cannot read the study s\.yaml, line 4: got an unknown field "grids\.0\.exprts", wanted one of /,
      /^did you mean experts\?$/,
    ],
    [
      "a word for a number",
      "s.yaml",
      "data: a\nexperts: [1, two]\n",
      /^.* line 2: got "two" for "experts\.1", wanted a whole number or a list/,
    ],
    [
      "a fraction of an expert",
      "s.toml",
      "experts = 1.5\n",
      /^Cannot read the study s\.toml: got 1\.5 for "experts", wanted a whole/,
    ],
    [
      "an empty list",
      "s.json",
      '{\n "data": "a",\n "rank": []\n}',
      /^.* line 3: got \[\] for "rank", wanted a whole number or a list of/,
    ],
    [
      "no seeds",
      "s.yaml",
      "seeds: 0",
      /^.* line 1: got 0 for "seeds", wanted a number of seeds or a list/,
    ],
    [
      "a list for a study",
      "s.yaml",
      "- 1",
      /got \[1\], wanted fields such as method and data$/,
    ],
    ["an empty file", "s.yaml", "", /got null, wanted fields/],
    [
      "a bracket that is open",
      "s.yaml",
      "data: [a\nrank: 1\n",
      /^Cannot read the study s\.yaml, line 2: /,
    ],
    [
      "a bracket that is open",
      "s.toml",
      'data = "a"\nrank = [1,\n',
      /^Cannot read the study s\.toml, line 3: Invalid TOML/,
    ],
    [
      "a field that is there twice",
      "s.yaml",
      "data: a\ndata: b\n",
      /^.* line 2: Map keys must be unique$/,
    ],
    [
      "a comma too many",
      "s.json",
      '{"data": "a",}',
      /^Cannot read the study s/,
    ],
  ];

for (const [title, path, text, message, hint] of faults) {
  Deno.test(`parseSpec() refuses ${title} in ${path}`, () => {
    assert.throws(() => parseSpec(text, path), (error) => {
      assert.ok(error instanceof SyntaxError);
      assert.match(error.message, message);
      if (hint) assert.match(hintOf(error) ?? "", hint);
      return true;
    });
  });
}

Deno.test("parseSpec() refuses another kind of file", () => {
  assert.throws(() => parseSpec("data: a", "study.txt"), {
    name: "RangeError",
    message: 'Cannot read the study study.txt: got the extension "txt", ' +
      "wanted yaml, toml or json",
  });
});

Deno.test("parseSpec() reads the grids of the study", async () => {
  const folder = new URL("../../../docs/study/", import.meta.url);
  const rows: Record<string, number> = {};
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".yaml")) continue;
    const text = await Deno.readTextFile(new URL(name, folder));
    rows[name] = parseSpec(text, name).length;
  }
  assert.deepEqual(rows, {
    "experts.yaml": 1,
    "methods.yaml": 12,
    "place.yaml": 1,
    "rates.yaml": 4,
  });
});
