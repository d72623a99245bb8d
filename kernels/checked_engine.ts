/**
 * An engine on WebGPU that compares kernels with those of the CPU engine before
 * it trusts them.
 *
 * At its creation one kernel of each family is tried; when a plan is compiled,
 * those of its kernels, with what is stored as f16, that were not yet. What was
 * found right is remembered. A variant of a matrix product that a tuner chose
 * needs no further proof: the tuner compared it with the reference on the same
 * adapter, by the same kernels, at the very size (see `webgpu/tune.ts`), and a
 * table that belongs to anything else is not used.
 *
 * @module
 */

import { checkKernels } from "./check_kernels.ts";
import { openCpuEngine } from "./cpu/engine.ts";
import type { Engine, KernelCall, Memory, Plan, Program } from "./engine.ts";
import {
  everyUse,
  familyUses,
  type KernelUse,
  useKey,
  usesOf,
} from "./kernel_use.ts";
import type { AdapterReport } from "./webgpu/adapter.ts";
import { attentionSizes } from "./webgpu/attention.ts";
import { suitsRows } from "./webgpu/attention_rows.ts";
import { CheckedUses } from "./webgpu/checked_devices.ts";

/** An engine, and what is known about its kernels. */
export class CheckedEngine implements Engine {
  readonly name: Engine["name"];
  readonly description: string;
  readonly limits: Engine["limits"];
  readonly half?: Engine["half"];
  readonly #engine: Engine;
  readonly #software: boolean;
  readonly #passed: CheckedUses;
  #checking: Promise<void> = Promise.resolve();

  private constructor(
    engine: Engine,
    { software }: AdapterReport,
    passed: CheckedUses,
  ) {
    this.name = engine.name;
    this.description = engine.description;
    this.limits = engine.limits;
    this.half = engine.half;
    this.#engine = engine;
    this.#software = software;
    this.#passed = passed;
  }

  /**
   * Tries an engine and takes it over.
   *
   * @param anew Whether all kernels are tried at once, whatever was found
   * before.
   * @throws {DeviceError} If it computes wrong numbers; it is closed then.
   */
  static async open(
    engine: Engine,
    adapter: AdapterReport,
    { anew }: { anew: boolean },
  ): Promise<Engine> {
    try {
      const passed = await CheckedUses.of(adapter, { forget: anew });
      const checked = new CheckedEngine(engine, adapter, passed);
      await checked.#check(anew ? everyUse() : familyUses());
      return checked;
    } catch (error) {
      engine.close();
      throw error;
    }
  }

  allocate(bytes: number, label: string): Memory {
    return this.#engine.allocate(bytes, label);
  }

  async compile(plan: Plan): Promise<Program> {
    const uses = usesOf(plan, (call) => this.#usesRows(call));
    const before = this.#checking;
    this.#checking = before.then(() => this.#check(uses));
    // Who waits for this plan meets the failure; the next one is tried itself.
    const checking = this.#checking;
    this.#checking = checking.catch(() => {});
    await checking;
    return await this.#engine.compile(plan);
  }

  close(): void {
    this.#engine.close();
  }

  #usesRows(call: KernelCall): boolean {
    return ["attention", "attention_gradient"].includes(call.kernel) &&
      suitsRows(this.#software, attentionSizes(call));
  }

  async #check(uses: readonly KernelUse[]): Promise<void> {
    const open = uses.filter((use) => !this.#passed.has(useKey(use)));
    if (open.length === 0) return;
    const reference = openCpuEngine({ threads: 0, blas: "off" });
    try {
      await checkKernels(this.#engine, reference, open);
    } finally {
      (await reference).close();
    }
    await this.#passed.add(open.map(useKey));
  }
}
