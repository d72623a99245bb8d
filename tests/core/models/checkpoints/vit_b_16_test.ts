import assert from "node:assert/strict";
import { readBackbone } from "../../../../core/models/backbone.ts";
import {
  readSafetensors,
  toFloat32,
} from "../../../../core/weights/safetensors.ts";
import { openCpuEngine } from "../../../../kernels/cpu/engine.ts";
import { assertClose } from "../../../support/assert_close.ts";
import { inFolder } from "../../../support/folder.ts";
import { logitsOf } from "../../../support/logits.ts";
import { TOLERANCE } from "../../../support/tolerance.ts";
import { python, runPython } from "../../../support/torch.ts";

Deno.test({
  name: "readBackbone() reads torchvision's vit_b_16 as it computes it",
  ignore: !python,
  fn: () =>
    inFolder(async (folder) => {
      await runPython("make_vit_b_16.py", folder);
      const { tensors } = await readSafetensors(
        `${folder}/expected.safetensors`,
      );
      const backbone = await readBackbone(`${folder}/vit_b_16.safetensors`);
      assert.equal(backbone.config.classes, 1000);
      const engine = await openCpuEngine();
      try {
        const images = toFloat32(tensors.get("images")!);
        const logits = await logitsOf(engine, backbone, images);
        const wanted = toFloat32(tensors.get("logits")!);
        assertClose(logits, wanted, TOLERANCE.logits, "vit_b_16");
      } finally {
        engine.close();
      }
    }),
});
