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

Deno.test("resolveOptions() gives a list one order, whatever was typed", () => {
  const lora = methods.get("lora")!;
  const targets = (text: string) =>
    resolveOptions(lora, { targets: text }).targets;
  assert.equal(targets("fc1, v,q,v"), "q,v,fc1");
  assert.throws(() => targets("q,x"), {
    name: "RangeError",
    message: "Cannot configure lora: got targets q,x, wanted some of " +
      "q,k,v,proj,fc1,fc2",
  });
  assert.throws(() => targets(""), /wanted some of q,k,v,proj,fc1,fc2$/);
});

Deno.test("lora says which layers a model has where its targets are missing", () => {
  const lora = methods.get("lora")!;
  const vit = modelShape(findBackbone("vit-b16"));
  const blocks = vit.blocks.map((block) => ({
    ...block,
    branches: block.branches.filter(({ kind }) => kind === "mlp"),
  }));
  const given = { targets: "q,v" };
  assert.throws(() => resolveOptions(lora, given, { ...vit, blocks }), {
    name: "RangeError",
    message: "Cannot build the LoRA adapters: got the target q and v, wanted " +
      "one that the model has",
    hint: "--targets fc1,fc2",
  });
  // Queries, keys and values as layers of their own, or of other sizes.
  const tensors = new Map(vit.tensors);
  tensors.set("blocks.0.attn.qkv.weight", [768 * 2, 768]);
  const odd = { ...vit, tensors, blocks: vit.blocks.slice(0, 1) };
  const hint = "--targets proj,fc1,fc2";
  assert.throws(() => resolveOptions(lora, { targets: "k" }, odd), { hint });
});

Deno.test("lora stands beside q and v where there is attention, else in MLPs", () => {
  const lora = methods.get("lora")!;
  const targets = (name: string): unknown =>
    resolveOptions(lora, {}, modelShape(findBackbone(name))).targets;
  assert.equal(targets("vit-b16"), "q,v");
  assert.equal(targets("swin-t"), "q,v");
  assert.equal(targets("convnext-t"), "fc1,fc2");
});

Deno.test("repadapter refuses groups that do not divide its widths", () => {
  const repadapter = methods.get("repadapter")!;
  const shape = modelShape(findBackbone("vit-b16"));
  const wrong = (options: Record<string, number>) => () =>
    resolveOptions(repadapter, options, shape);
  assert.throws(wrong({ groups: 3 }), {
    name: "RangeError",
    message: "Cannot build the RepAdapters: got 3 groups for a width of 8, " +
      "wanted a divisor of it",
  });
  assert.throws(wrong({ groups: 5, hidden: 5 }), /for a width of 768, wanted/);
});
