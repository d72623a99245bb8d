import assert from "node:assert/strict";
import { matmul } from "../../../core/ops/matmul.ts";
import { findAdapter } from "../../../kernels/webgpu/adapter.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { chooseMatmul } from "../../../kernels/webgpu/matmul.ts";
import {
  candidateVariants,
  matmulKey,
  type MatmulVariant,
  parseMatmulKey,
  ruleVariant,
  suitsVectors,
  variantGrid,
  variantName,
} from "../../../kernels/webgpu/matmul_variant.ts";
import { adapterClasses } from "../../support/adapter_classes.ts";
import { assertClose } from "../../support/assert_close.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { feeds, onePlan } from "../cpu/one_kernel.ts";
import { gpuTest } from "./adapter.ts";

const PLAIN = { transA: 0, transB: 0, parts: 0 };
const auto = { matmulFamily: "auto" } as const;
Deno.test("ruleVariant() takes the family that suits the adapter", () => {
  const size = { m: 768, n: 768, k: 768 };
  const processor = ruleVariant(size, { ...auto, software: true });
  assert.equal(variantName(processor), "vectors 16x16 8·1·1");
  const lanes = { software: true, subgroups: true };
  const shared = ruleVariant(size, { ...auto, ...lanes });
  assert.equal(variantName(shared), "subgroup 32x32");
  // Rows that are no whole vectors.
  const odd = ruleVariant({ ...size, n: 10 }, { ...auto, ...lanes });
  assert.equal(odd.tile, "register 8x8");
  const gpu = ruleVariant(size, { ...auto, software: false });
  assert.equal(variantName(gpu), "workgroup 64x64 k/2");
});

Deno.test("ruleVariant() splits a long k, and no part is empty", () => {
  for (const adapter of adapterClasses) {
    for (const k of [1, 127, 128, 1040, 8320, 100_001]) {
      const size = { m: 48, n: 16, k };
      const { chunks } = ruleVariant(size, { ...auto, ...adapter });
      assert.ok(Math.ceil(k / chunks) * (chunks - 1) < k);
      assert.equal(chunks > 1, k > 128 * 2 - 1);
    }
  }
});

Deno.test("chooseMatmul() takes the tuned variant of the very shape", () => {
  const shape = { m: 40, n: 50, k: 600, ...PLAIN };
  const variant: MatmulVariant = { tile: "workgroup 64x64", chunks: 3 };
  const tuned = new Map([[matmulKey(shape), variant]]);
  const context = { ...auto, software: true, tuned };
  assert.equal(chooseMatmul(shape, context), variant);
  for (const other of [{ m: 41 }, { k: 601 }, { transB: 1 }, { parts: 1 }]) {
    const found = chooseMatmul({ ...shape, ...other }, context);
    assert.deepEqual(found, ruleVariant({ ...shape, ...other }, context));
  }
  const forced = { ...context, matmulFamily: "register" } as const;
  assert.notEqual(chooseMatmul(shape, forced), variant);
});

Deno.test("parseMatmulKey() reads what matmulKey() writes, and nothing else", () => {
  for (let bits = 0; bits < 64; bits++) {
    const [transA, transB, parts] = [bits & 1, bits >> 1 & 1, bits >> 2];
    const shape = { m: 3, n: 1000, k: 7, transA, transB, parts };
    assert.deepEqual(parseMatmulKey(matmulKey(shape)), shape);
  }
  const wrong = [
    "",
    "1x2 nn",
    "0x2x3 nn",
    "1x2x3 xn",
    "1x2x3 nn relu",
    "1x2x3",
  ];
  for (const key of [...wrong, "1x2x3 nn gelu bias", "1x2x3 nn  bias"]) {
    assert.equal(parseMatmulKey(key), undefined, key);
  }
});

Deno.test("candidateVariants() has the rule first and only what can run", () => {
  const sizes = [[1, 1, 1], [2080, 768, 192], [48, 16, 8320], [8320, 16, 48]];
  for (const adapter of adapterClasses) {
    for (const [m, n, k] of [...sizes, [4_000_000, 16, 3]]) {
      const [rule, ...others] = candidateVariants({ m, n, k }, adapter);
      assert.deepEqual(rule, ruleVariant({ m, n, k }, { ...auto, ...adapter }));
      for (const variant of others) {
        assert.ok(Math.ceil(k / variant.chunks) * (variant.chunks - 1) < k);
        const grid = variantGrid({ m, n }, variant);
        assert.ok(Math.max(...grid) <= 65_535, variantName(variant));
      }
    }
  }
});

Deno.test("suitsVectors() wants whole vectors in every stored row", () => {
  const shape = { m: 12, n: 8, k: 16 };
  for (const bits of [0, 1, 2, 3]) {
    const forms = { transA: bits & 1, transB: bits >> 1 };
    assert.ok(suitsVectors({ ...shape, ...forms }));
    assert.ok(!suitsVectors({ ...shape, ...forms, aRow: 21 }));
    assert.ok(!suitsVectors({ ...shape, ...forms, bRow: 21 }));
    assert.ok(!suitsVectors({ ...shape, ...forms, yRow: 21 }));
    assert.ok(!suitsVectors({ ...shape, ...forms, n: 9 }));
    assert.ok(!suitsVectors({ ...shape, ...forms, k: 17 }));
    // A row of A lies along k or m.
    assert.equal(suitsVectors({ ...shape, ...forms, m: 13 }), !forms.transA);
  }
});

Deno.test("chooseMatmul() takes no vectors for a part with odd rows", () => {
  const shape = { m: 100, n: 100, k: 100, ...PLAIN };
  const variant: MatmulVariant = {
    tile: "vectors 16x16",
    lanes: [8, 1, 1],
    chunks: 1,
  };
  const tuned = new Map([[matmulKey(shape), variant]]);
  const context = { ...auto, software: true, tuned };
  assert.equal(chooseMatmul(shape, context), variant);
  const part = chooseMatmul({ ...shape, aRow: 101 }, context);
  assert.equal(part.tile, "register 8x8");
});

Deno.test("chooseMatmul() takes subgroups only where there are some", () => {
  const shape = { m: 100, n: 100, k: 100, ...PLAIN };
  const variant: MatmulVariant = { tile: "subgroup 32x32", chunks: 1 };
  const tuned = new Map([[matmulKey(shape), variant]]);
  const context = { ...auto, software: true, tuned };
  const withSome = { ...context, subgroups: true };
  assert.equal(chooseMatmul(shape, withSome), variant);
  assert.equal(chooseMatmul(shape, context).tile, "vectors 16x16");
  const part = chooseMatmul({ ...shape, bRow: 101 }, withSome);
  assert.equal(part.tile, "register 8x8");
});

for (
  const [transA, transB, m, n, k] of [
    [1, 0, 35, 50, 259],
    [0, 0, 35, 52, 260],
    [0, 1, 35, 52, 260],
    [1, 0, 36, 52, 260],
    [1, 1, 36, 52, 260],
  ]
) {
  const name = `${m}x${n}x${k} ${transA ? "t" : "n"}${transB ? "t" : "n"}`;
  gpuTest(`every candidate of ${name} equals its reference`, async () => {
    const tuned = new Map<string, MatmulVariant>();
    const engine = await openWebgpuEngine({ allowSoftware: true, tuned });
    const attributes = { m, n, k, transA, transB, alpha: 2, activation: 1 };
    const inputs = [m * k, k * n, n, m * n].map((count, seed) =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(i * 7 + seed))
    );
    const exact = inputs.map((array) => Float64Array.from(array));
    const wanted = matmul.reference(exact, attributes);
    const use = {
      kernel: "matmul",
      attributes,
      inputs,
      outputs: [m * n, m * n],
    };
    const shape = { m, n, k, transA, transB, parts: 15 };
    const key = matmulKey(shape);
    const { subgroups = false } = await findAdapter() ?? {};
    const candidates = [subgroups, false].flatMap((subgroups) =>
      candidateVariants(shape, { software: true, subgroups })
    );
    for (const variant of candidates) {
      tuned.set(key, variant);
      const program = await engine.compile(onePlan(use));
      const results = await program.run(feeds(use));
      wanted.forEach((numbers, i) => {
        const what = `${key} by ${variantName(variant)}`;
        assertClose(results[`output${i}`], numbers, TOLERANCE.kernel, what);
      });
      program.close();
    }
    engine.close();
  });
}
