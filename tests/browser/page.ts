/**
 * What runs in the browser: the project's own engine and the tests' own cases.
 *
 * @module
 */

import { openDevice } from "../../kernels/webgpu/adapter.ts";
import { openWebgpuEngine } from "../../kernels/webgpu/engine.ts";
import { caseSuite } from "./case_suite.ts";
import { compileSuite } from "./compile_suite.ts";
import { goldenSuite } from "./golden_suite.ts";
import type { Report } from "./report.ts";

/** What the page offers to the command that opened it. */
export interface Suites {
  /** Runs everything; what computes, in one line. */
  run(cases: readonly string[], report: Report): Promise<string>;
}

const suites: Suites = {
  async run(cases, report) {
    const opened = await openDevice({ allowSoftware: true });
    await compileSuite(opened, report);
    opened.device.destroy();
    let description = "";
    // The kernels for software adapters, then those for GPUs.
    for (const treatAsSoftware of [true, false]) {
      const engine = await openWebgpuEngine({
        allowSoftware: true,
        treatAsSoftware,
      });
      const kind = treatAsSoftware ? "software" : "gpu";
      const named: Report = (line) =>
        report({ ...line, name: `${line.name} [${kind}]` });
      await caseSuite(engine, named);
      await goldenSuite(engine, cases, named);
      description = engine.description;
      engine.close();
    }
    return description;
  },
};

Object.assign(globalThis, { suites });
