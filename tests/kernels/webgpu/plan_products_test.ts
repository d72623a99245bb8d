import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { scratchBackbone } from "../../../core/models/backbone.ts";
import { defaultSettings } from "../../../core/train/settings.ts";
import { planStep } from "../../../core/train/stepper.ts";
import type { Plan } from "../../../kernels/engine.ts";
import { lowerPlan } from "../../../kernels/webgpu/compile.ts";
import { kernels } from "../../../kernels/webgpu/kernels.ts";
import {
  matmulKey,
  matmulShape,
  type MatmulVariant,
} from "../../../kernels/webgpu/matmul_variant.ts";
import { productsOf } from "../../../kernels/webgpu/plan_products.ts";
import { planningEngine } from "../../support/planning_engine.ts";
import { tinyConfig, tinyModel } from "../../support/tiny.ts";

const BATCH = 2;

/** Plans of a forward pass and of a training step of a tiny model. */
function plansOf(method: string, width = 48): Plan[] {
  const config = { ...tinyConfig, width };
  const backbone = scratchBackbone("tiny", config, 7);
  const model = tinyModel(planningEngine(), method, {}, backbone);
  const settings = { ...defaultSettings, augment: noAugment };
  const step = planStep(model, { ...settings, batchSize: BATCH });
  return [model.forwardPlan(BATCH), step];
}

/** The products that the plan itself names. */
function namedIn({ calls }: Plan): Map<string, number> {
  const counts = new Map<string, number>();
  for (const call of calls) {
    if (call.kernel !== "matmul") continue;
    const key = matmulKey(matmulShape(call));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** What one count has more than the other. */
function beyond(
  all: ReadonlyMap<string, number>,
  some: ReadonlyMap<string, number>,
): Record<string, number> {
  const more = [...all].map(([key, count]) =>
    [key, count - (some.get(key) ?? 0)] as const
  );
  return Object.fromEntries(more.filter(([, count]) => count !== 0));
}

// Adapters have two sites a block, here with 10 rows of four chunks of width
// 12, but the last site of two has the 2 rows of the class token alone.
const DOWN_UP = {
  "40x16x12 nn": 3,
  "40x12x16 nn residual": 3,
  "8x16x12 nn": 1,
  "8x12x16 nn residual": 1,
};

// Nothing in front of the first site is trained, so that no dx is made there.
const BACK = {
  "40x16x12 nt": 3,
  "40x12x16 nt residual": 2,
  "8x16x12 nt": 1,
  "8x12x16 nt residual": 1,
};

Deno.test("productsOf() counts an adapter's narrow products on software", () => {
  const [forward, step] = plansOf("alore");
  const found = [forward, step].map((plan) =>
    beyond(productsOf(plan, { software: true }), namedIn(plan))
  );
  assert.deepEqual(found, [DOWN_UP, { ...DOWN_UP, ...BACK }]);
});

Deno.test("productsOf() counts no product of a fused kernel on hardware", () => {
  for (const plan of plansOf("alore")) {
    assert.deepEqual(productsOf(plan, { software: false }), namedIn(plan));
  }
});

Deno.test("productsOf() counts what hardware has no fused kernel for", () => {
  // Chunks of six numbers are no whole vectors.
  const [, step] = plansOf("alore", 24);
  const [hardware, software] = [false, true].map((software) =>
    productsOf(step, { software })
  );
  assert.deepEqual(hardware, software);
  assert.equal(hardware.get("16x6x40 tn"), 3);
  assert.equal(hardware.get("6x16x40 tn"), 3);
});

Deno.test("productsOf() counts a linear plan's calls", () => {
  for (const plan of plansOf("linear")) {
    const calls = plan.calls.filter(({ kernel }) => kernel === "matmul");
    for (const software of [true, false]) {
      const products = productsOf(plan, { software });
      assert.deepEqual(products, namedIn(plan));
      const counts = [...products.values()];
      assert.equal(counts.reduce((sum, n) => sum + n), calls.length);
    }
  }
});

Deno.test("lowerPlan() makes a narrow product as a table says", () => {
  const [, step] = plansOf("alore");
  // No rule takes it on software.
  const tile: MatmulVariant = { tile: "workgroup 64x64", chunks: 1 };
  const tilesWith = (keys: string[]) => {
    const tuned = new Map(keys.map((key) => [key, tile]));
    const settings = { software: true, matmulFamily: "auto", tuned } as const;
    const { dispatches } = lowerPlan(step, kernels, settings);
    return dispatches.filter(({ shader }) => shader.name === "matmul_tile")
      .map(({ uniform = [] }) => uniform.slice(0, 3).join("x"));
  };
  assert.deepEqual(tilesWith([]), []);
  assert.deepEqual(tilesWith(["40x12x16 nt residual"]), [
    "40x12x16",
    "40x12x16",
  ]);
  const products = productsOf(step, { software: true });
  const all = [...products.values()].reduce((sum, n) => sum + n);
  assert.equal(tilesWith([...products.keys()]).length, all);
});
