import assert from "node:assert/strict";
import { dropoutOp } from "../../../core/ops/dropout.ts";

Deno.test("dropout keeps or drops the elements of a group together", () => {
  const [groups, group, rate] = [4000, 16, 0.25];
  const count = groups * group;
  const x = new Float64Array(count).fill(3);
  const key = Float64Array.of(11, 12);
  const masks = [0, 1].map((site) => {
    const attributes = { count, rate, site, group };
    const [y] = dropoutOp.reference([x, key], attributes);
    return Array.from({ length: groups }, (_, g) => {
      const own = new Set(y.subarray(g * group, (g + 1) * group));
      assert.equal(own.size, 1);
      const [value] = own;
      assert.ok(value === 0 || value === 4, `${value}`);
      return value > 0;
    });
  });
  for (const mask of masks) {
    const share = mask.filter(Boolean).length / groups;
    // Four standard deviations of a share of 0.75 among 4000.
    assert.ok(Math.abs(share - 0.75) < 4 * 0.00685, `${share}`);
  }
  const same = masks[0].filter((kept, g) => kept === masks[1][g]).length;
  assert.ok(same < groups, "two sites drop the same groups");
});
