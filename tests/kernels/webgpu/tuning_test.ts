import assert from "node:assert/strict";
import {
  KNOWN_LOSSES,
  SELF_TEST_TOLERANCE,
  trainTiny,
} from "../../../cli/self_check.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { type Engine, PLACE_ALIGNMENT } from "../../../kernels/engine.ts";
import { openTunable } from "../../../kernels/open_engine.ts";
import {
  type CheckedWebgpu,
  openCheckedWebgpu,
} from "../../../kernels/open_webgpu.ts";
import {
  type AdapterReport,
  findAdapter,
} from "../../../kernels/webgpu/adapter.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import {
  candidateVariants,
  type ChooseMatmul,
  type MatmulShape,
  type MatmulVariant,
  parseMatmulKey,
  variantName,
} from "../../../kernels/webgpu/matmul_variant.ts";
import { productsOf } from "../../../kernels/webgpu/plan_products.ts";
import { tuneMatmul } from "../../../kernels/webgpu/tune.ts";
import { Operands } from "../../../kernels/webgpu/tune_operands.ts";
import { loadTuning, saveTuning } from "../../../kernels/webgpu/tuning_file.ts";
import {
  parseTable,
  tableOwner,
  tableText,
} from "../../../kernels/webgpu/tuning_table.ts";
import { inFolder } from "../../support/folder.ts";
import { devicesHere, gpuTest } from "./adapter.ts";

const ADAPTER: AdapterReport = {
  description: "Some GPU",
  id: "1 Some GPU",
  software: true,
  subgroups: false,
  limits: { maxBufferSize: 1 << 28 },
  features: ["timestamp-query"],
};
const OWNER = tableOwner(ADAPTER, "2.0.0");
const SHAPE = { m: 48, n: 16, k: 8320 };
const KEY = "48x16x8320 tn";
const CHOICES = new Map([
  [KEY, candidateVariants(SHAPE, ADAPTER)[3]],
  [
    "32x192x192 nt bias",
    candidateVariants({ m: 32, n: 192, k: 192 }, ADAPTER)[1],
  ],
]);
const TEXT = tableText(OWNER, CHOICES);

Deno.test("parseTable() reads what tableText() writes", () => {
  assert.deepEqual(parseTable(TEXT, OWNER, ADAPTER), CHOICES);
});

Deno.test("parseTable() refuses what is not a table", () => {
  const document = JSON.parse(TEXT);
  const [variant] = Object.values<object>(document.products);
  const broken = [
    "",
    TEXT.slice(0, -10),
    "[]",
    "null",
    "{}",
    { ...document, version: 2 },
    { ...document, products: [] },
    { ...document, products: { [KEY]: 7 } },
    { ...document, products: { "48x16": variant } },
    { ...document, products: { [KEY]: { ...variant, chunks: 1e9 } } },
    { ...document, products: { [KEY]: { ...variant, chunks: "2" } } },
    { ...document, products: { [KEY]: { ...variant, lanes: [256, 1, 1] } } },
    { ...document, products: { [KEY]: { ...variant, tile: "register 9x9" } } },
  ];
  for (const one of broken) {
    const text = typeof one === "string" ? one : JSON.stringify(one);
    const read = () => parseTable(text, OWNER, ADAPTER);
    assert.throws(read, { name: "SyntaxError", message: /^Cannot read/ }, text);
  }
});

Deno.test("parseTable() refuses the table of another adapter, driver or kernel", () => {
  const others = [
    tableOwner({ ...ADAPTER, id: "2 Other GPU" }, "2.0.0"),
    tableOwner({ ...ADAPTER, features: [] }, "2.0.0"),
    tableOwner({ ...ADAPTER, limits: { maxBufferSize: 1 } }, "2.0.0"),
    tableOwner(ADAPTER, "2.0.1"),
    { ...OWNER, kernels: "00000000" },
  ];
  for (const other of others) {
    assert.notDeepEqual(other, OWNER);
    const read = () => parseTable(TEXT, other, ADAPTER);
    assert.throws(read, {
      name: "RangeError",
      message: /^Cannot use the tuning/,
    });
  }
});

/** Runs work with a cache folder of its own. */
async function inCache(work: (folder: string) => Promise<void>): Promise<void> {
  const before = Deno.env.get("XDG_CACHE_HOME");
  await inFolder(async (folder) => {
    Deno.env.set("XDG_CACHE_HOME", folder);
    try {
      await work(`${folder}/alore`);
    } finally {
      if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", before);
    }
  });
}

Deno.test({
  name: "loadTuning() reads what saveTuning() kept, for this adapter only",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inCache(async (folder) => {
      assert.equal((await loadTuning(ADAPTER)).choices.size, 0);
      await saveTuning(ADAPTER, new Map());
      await saveTuning(ADAPTER, CHOICES);
      const { choices, path, note } = await loadTuning(ADAPTER);
      assert.deepEqual(choices, CHOICES);
      assert.equal(note, undefined);
      const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
      assert.deepEqual(files.map((name) => `${folder}/${name}`), [path]);
      const other = await loadTuning({ ...ADAPTER, id: "2 Other GPU" });
      assert.notEqual(other.path, path);
      assert.equal(other.choices.size, 0);
    }),
});

Deno.test({
  name: "loadTuning() leaves out a table that it cannot use, and says so",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inCache(async () => {
      await saveTuning(ADAPTER, CHOICES);
      const stale = await loadTuning({ ...ADAPTER, features: [] });
      assert.equal(stale.choices.size, 0);
      assert.match(
        stale.note ?? "",
        /^Cannot use .* got driver .*bench --tune/,
      );
      const path = stale.path ?? "";
      await Deno.writeTextFile(path, TEXT.slice(0, 50));
      const torn = await loadTuning(ADAPTER);
      assert.equal(torn.choices.size, 0);
      assert.match(torn.note ?? "", /^Cannot read the tuning table/);
      await Deno.remove(path);
      await Deno.mkdir(path);
      const unreadable = await loadTuning(ADAPTER);
      assert.equal(unreadable.choices.size, 0);
      assert.ok(unreadable.note?.includes(path));
    }),
});

const PRODUCT = "24x20x40 nn bias gelu pre residual";

function shapeOf(key: string): MatmulShape {
  const shape = parseMatmulKey(key);
  assert.ok(shape, key);
  return shape;
}

/** An engine that computes wrong numbers with some variants. */
function spoiled(
  engine: Engine,
  isWrong: () => boolean,
): Engine {
  return {
    name: engine.name,
    description: engine.description,
    limits: engine.limits,
    allocate: (bytes, label) => engine.allocate(bytes, label),
    compile(plan) {
      const calls = plan.calls.map((call) => ({
        ...call,
        attributes: {
          ...call.attributes,
          alpha: call.attributes.alpha * (isWrong() ? 1.01 : 1),
        },
      }));
      return engine.compile({ ...plan, calls });
    },
    close: () => engine.close(),
  };
}

/** Whether an engine makes a product by the variant that it is told. */
async function obeys({ engine, choose }: CheckedWebgpu): Promise<void> {
  using operands = new Operands(engine, shapeOf(PRODUCT));
  const compile = () =>
    engine.compile({
      label: "a product",
      arenaBytes: PLACE_ALIGNMENT,
      memories: [operands.memory],
      calls: [operands.call],
      inputs: new Map(),
      outputs: new Map(),
    });
  const none = { tile: "none" as MatmulVariant["tile"], chunks: 1 };
  choose(PRODUCT, none);
  await assert.rejects(compile());
  choose(PRODUCT, undefined);
  await compile();
  engine.close();
}

gpuTest("plans are compiled as a tuner says, on a thread too", async () => {
  const options = { allowSoftware: true, check: "never" } as const;
  for (
    const [open, devices] of [[openTunable, 0], [openCheckedWebgpu, 1]] as const
  ) {
    const opened = await devicesHere(async () => obeys(await open(options)));
    assert.equal(opened, devices);
  }
});

gpuTest("tuneMatmul() chooses among the variants that are right", async () => {
  const choices = new Map<string, MatmulVariant>();
  const opened = await openTunable({ allowSoftware: true, check: "never" });
  const { engine } = opened;
  const choose: ChooseMatmul = (key, variant) => {
    opened.choose(key, variant);
    if (variant) choices.set(key, variant);
    else choices.delete(key);
  };
  // Register tiles are tried on software adapters.
  const { subgroups } = await findAdapter() ?? ADAPTER;
  const adapter = { software: true, subgroups };
  const all = candidateVariants(shapeOf(PRODUCT), adapter);
  const right = all.filter(({ tile }) => tile !== "register 8x8");
  const { reference } = matmul;
  const isWrong = () => choices.get(PRODUCT)?.tile === "register 8x8";
  const found = await tuneMatmul(
    { engine: spoiled(engine, isWrong), choose, adapter, reference },
    PRODUCT,
  );
  assert.equal(found.key, PRODUCT);
  assert.equal(found.flops, 2 * 24 * 20 * 40);
  assert.equal(found.tried, right.length);
  assert.equal(found.wrong.length, all.length - right.length);
  assert.ok(found.wrong.length > 0);
  assert.notEqual(found.best.variant.tile, "register 8x8");
  assert.ok(found.rule.rate > 0 && found.best.rate >= found.rule.rate);
  assert.deepEqual([...choices], [[PRODUCT, found.best.variant]]);
  const tuner = {
    engine: spoiled(engine, () => true),
    choose,
    adapter,
    reference,
  };
  await assert.rejects(tuneMatmul(tuner, PRODUCT), {
    name: "DeviceError",
    message: /^Cannot tune 24x20x40 nn bias gelu pre residual: the adapter/,
  });
  assert.equal(choices.size, 0);
  await assert.rejects(tuneMatmul(tuner, "24x20"), {
    name: "TypeError",
    message: /^Cannot tune a matrix product: got "24x20", wanted its key/,
  });
  engine.close();
});

gpuTest(
  "training with a table gives the numbers of training without",
  async () => {
    const tuned = new Map<string, MatmulVariant>();
    const engine = await openWebgpuEngine({ allowSoftware: true, tuned });
    const others = new Set<string>();
    const losses = await trainTiny({
      name: engine.name,
      description: engine.description,
      limits: engine.limits,
      allocate: (bytes, label) => engine.allocate(bytes, label),
      compile(plan) {
        for (const key of productsOf(plan, ADAPTER).keys()) {
          const other = candidateVariants(shapeOf(key), ADAPTER).at(-1);
          assert.ok(other);
          tuned.set(key, other);
          others.add(variantName(other));
        }
        return engine.compile(plan);
      },
      close: () => engine.close(),
    });
    engine.close();
    assert.ok(others.size > 2);
    for (const [step, loss] of losses.entries()) {
      const difference = Math.abs(loss - KNOWN_LOSSES[step]);
      assert.ok(difference <= SELF_TEST_TOLERANCE, `step ${step}: ${loss}`);
    }
  },
);
