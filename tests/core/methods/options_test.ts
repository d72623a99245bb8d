import assert from "node:assert/strict";
import { methods, resolveOptions } from "../../../core/methods/mod.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";

Deno.test("alore refuses experts that do not divide the width", () => {
  const alore = methods.get("alore")!;
  const shape = modelShape(findBackbone("vit-ti16"));
  assert.throws(() => resolveOptions(alore, { experts: 5 }, shape), {
    name: "RangeError",
    message: "Cannot build the ALoRE adapters: got 5 experts for a width of " +
      "192, wanted a divisor of 192 (1, 2, 3, 4, 6, 8, 12, 16, …)",
    hint: "--experts 4 is the usual choice",
  });
});

Deno.test("resolveOptions() names what is wrong with an option", () => {
  const alore = methods.get("alore")!;
  const message = (given: Record<string, unknown>): string => {
    try {
      resolveOptions(alore, given);
      return "";
    } catch (error) {
      assert.ok(error instanceof RangeError);
      return error.message;
    }
  };
  assert.equal(
    message({ rank: 0 }),
    "Cannot configure alore: got rank 0, wanted a whole number at least 1",
  );
  assert.equal(
    message({ rank: 1.5 }),
    "Cannot configure alore: got rank 1.5, wanted a whole number at least 1",
  );
  assert.equal(
    message({ place: "head" }),
    "Cannot configure alore: got place head, wanted one of attn, mlp, both, " +
      "after",
  );
  assert.match(message({ ranks: 2 }), /got option "ranks", wanted experts, /);
  assert.match(message({ dropout: 1 }), /at least 0 and below 1$/);
});
