import assert from "node:assert/strict";
import {
  sameCrop,
  shortCropPct,
  sideBeforeCrop,
} from "../../../core/data/crop.ts";

Deno.test("sideBeforeCrop() finds the sides that timm and torchvision resize to", () => {
  assert.equal(sideBeforeCrop(224), 224);
  assert.equal(sideBeforeCrop(224, 0.9), 248);
  assert.equal(sideBeforeCrop(224, 0.875), 256);
  for (const side of [230, 232, 236, 238, 246]) {
    assert.equal(sideBeforeCrop(224, 224 / side), side);
  }
  for (const share of [0, -1, 1.01, NaN]) {
    assert.throws(() => sideBeforeCrop(224, share), {
      name: "RangeError",
      message: `Cannot crop an image: got a share of ${share}, wanted one ` +
        "above 0 and at most 1",
    });
  }
});

Deno.test("shortCropPct() is short and cuts the same pixels out", () => {
  assert.equal(shortCropPct(224, 224 / 232), 0.9655);
  assert.equal(shortCropPct(224, 0.875), 0.875);
  assert.equal(shortCropPct(16, 0.95), 1);
  assert.ok(sameCrop(16, 0.95));
  assert.ok(!sameCrop(224, 0.95));
});
