import assert from "node:assert/strict";
import { resizePositions } from "../../../../core/models/checkpoints/resize_positions.ts";
import {
  readSafetensors,
  toFloat32,
} from "../../../../core/weights/safetensors.ts";
import { assertClose } from "../../../support/assert_close.ts";
import { TOLERANCE } from "../../../support/tolerance.ts";

const { tensors } = await readSafetensors(
  "tests/fixtures/checkpoints/positions.safetensors",
);

const cases = [...tensors.keys()].filter((name) => name.endsWith(".from"));

for (const name of cases) {
  const [prefix, from, to] = name.split(".").map(Number);
  const tokens = prefix + from * from;
  Deno.test(`resizePositions() equals torch's bicubic: ${tokens} tokens, ${from}² to ${to}²`, () => {
    const before = toFloat32(tensors.get(name)!);
    const found = resizePositions(before, { prefix, from, to });
    const wanted = toFloat32(tensors.get(name.replace("from", "to"))!);
    assertClose(found, wanted, TOLERANCE.positions, name);
    assert.deepEqual(
      found.subarray(0, 3 * prefix),
      before.subarray(0, 3 * prefix),
    );
  });
}

Deno.test("resizePositions() was tested at 196, 197 and 198 tokens", () => {
  const counts = cases.map((name) => tensors.get(name)!.shape[1]);
  for (const count of [196, 197, 198]) assert.ok(counts.includes(count));
});

Deno.test("resizePositions() keeps a grid of the same size", () => {
  const before = toFloat32(tensors.get("1.2.5.from")!);
  const found = resizePositions(before, { prefix: 1, from: 2, to: 2 });
  assertClose(found, before, TOLERANCE.positions, "the same grid");
});
