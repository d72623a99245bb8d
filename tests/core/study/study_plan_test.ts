import assert from "node:assert/strict";
import { writeDataset } from "../../../core/data/dataset.ts";
import { planStudy } from "../../../core/study/study_plan.ts";
import { inFolder } from "../../support/folder.ts";
import { smallDataset, smallSources } from "../../support/small_run.ts";

const BACKBONE = "tests/fixtures/checkpoints/hugging_face";

Deno.test("planStudy() takes the crop of the data, but not another filter", () =>
  inFolder(async (folder) => {
    const { description, ...rest } = smallDataset();
    const write = async (name: string, filter: string): Promise<string> => {
      const path = `${folder}/${name}.safetensors`;
      const resize = { ...description.resize, filter };
      await writeDataset(path, {
        ...rest,
        description: { ...description, resize },
      });
      return path;
    };
    const gridOf = (data: string) => [{ data: [data], backbone: [BACKBONE] }];
    const sources = smallSources();
    try {
      const whole = await write("whole", "bicubic");
      const { runs } = await planStudy(gridOf(whole), sources);
      assert.equal(runs[0].config.preprocess.cropPct, 1);
      const { preprocess } = await sources.backbone(BACKBONE, 0);
      assert.equal(preprocess.cropPct, 0.8);
      const other = await write("other", "bilinear");
      await assert.rejects(planStudy(gridOf(other), sources), {
        name: "RangeError",
        message: /got images resized by bilinear, wanted bicubic as the/,
      });
    } finally {
      sources.close();
    }
  }));
