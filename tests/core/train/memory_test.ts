import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { HALF } from "../../../core/models/backbone.ts";
import { Batches } from "../../../core/train/batches.ts";
import { defaultSettings } from "../../../core/train/settings.ts";
import { openStepper } from "../../../core/train/stepper.ts";
import { testEngines } from "../../support/engines.ts";
import { tinyDataset, tinyModel } from "../../support/tiny.ts";

/** Resident bytes that a collector may leave lying about. */
const SLACK = 24 * 2 ** 20;

for (const { name, ignore, open } of testEngines) {
  Deno.test({
    name: `200 training steps leave memory flat [${name}]`,
    ignore,
    fn: async () => {
      const engine = await open();
      using model = tinyModel(engine, "alore");
      const settings = {
        ...defaultSettings,
        batchSize: 16,
        augment: noAugment,
      };
      const stepper = await openStepper(model, settings, 300);
      const batches = new Batches(tinyDataset().splits.get("train")!, {
        batchSize: 16,
        imageSize: 8,
        preprocess: HALF,
        seed: 0,
      });
      const batch = batches.allocate();
      batches.fill(batch, 0);
      const run = async (from: number, to: number): Promise<number> => {
        for (let step = from; step < to; step++) await stepper.run(batch, step);
        return Deno.memoryUsage().rss;
      };
      try {
        const before = await run(0, 50);
        const after = await run(50, 250);
        assert.ok(
          after - before < SLACK,
          `grew by ${((after - before) / 2 ** 20).toFixed(1)} MiB`,
        );
      } finally {
        stepper.close();
        engine.close();
      }
    },
  });
}
