import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { HALF } from "../../../core/models/backbone.ts";
import { defaultSettings } from "../../../core/train/settings.ts";
import { train } from "../../../core/train/trainer.ts";
import { testEngines } from "../../support/engines.ts";
import { tinyDataset, tinyModel } from "../../support/tiny.ts";

const settings = {
  ...defaultSettings,
  epochs: 1,
  batchSize: 8,
  augment: noAugment,
};

for (const { name, ignore, open } of testEngines) {
  Deno.test({
    name: `train() names the step and the op of the first infinity [${name}]`,
    ignore,
    fn: async () => {
      const engine = await open();
      try {
        using model = tinyModel(engine, "linear");
        const weight = "blocks.1.mlp.fc1.weight";
        const [values] = (await model.read([weight])).values();
        model.write(weight, values.fill(3e38));
        await assert.rejects(
          train({
            model,
            dataset: tinyDataset(),
            preprocess: HALF,
            settings,
          }),
          (error) => {
            assert.ok(error instanceof RangeError);
            assert.match(error.message, /at epoch 1, step 1, wanted finite/);
            assert.match(
              error.message,
              /op \d+ of \d+, matmul with blocks\.1\.mlp\.fc1\.weight: \d+ of/,
            );
            return true;
          },
        );
      } finally {
        engine.close();
      }
    },
  });
}
