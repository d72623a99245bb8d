import assert from "node:assert/strict";
import { findMethod } from "../../../core/methods/mod.ts";
import { HALF } from "../../../core/models/preprocess.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import { mergeAndCheck } from "../../../core/train/verify_merge.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { tinyBackbone, tinyDataset } from "../../support/tiny.ts";

const bitfit = findMethod("bitfit");

/** BitFit, whose fold changes the head's bias too. */
function foldedWrong(by: number): typeof bitfit {
  return {
    ...bitfit,
    merge(context) {
      const bias = context.backbone("head.bias");
      return new Map([["head.bias", bias.map((value) => value + by)]]);
    },
  };
}

async function check(by: number): Promise<number> {
  const engine = openReferenceEngine();
  using model = buildModel({
    engine,
    backbone: tinyBackbone(),
    method: foldedWrong(by),
    options: {},
    classes: 3,
    seed: 0,
  });
  const [, split] = [...tinyDataset().splits][1];
  try {
    return (await mergeAndCheck(model, split, HALF)).largestDifference;
  } finally {
    engine.close();
  }
}

Deno.test("mergeAndCheck() refuses a fold that changes the logits, and says by how much", async () => {
  assert.ok(await check(0) < 1e-6);
  await assert.rejects(check(10), {
    name: "RangeError",
    message:
      /^Cannot merge the adapter: got logits that differ by \d\.\de\+\d of the largest, wanted at most 0\.0001$/,
  });
});
