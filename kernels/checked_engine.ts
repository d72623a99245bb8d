/**
 * An engine on WebGPU that compares kernels with those of the CPU engine before
 * it trusts them.
 *
 * When a device is opened that nothing is known about, one kernel of each family
 * is tried, as far as a budget of time goes: a driver may take seconds to compile
 * them all. When a plan is compiled, those of its kernels are tried, with what is
 * stored as f16, that were not yet, so that none runs untried. What was found
 * right is remembered. A variant of a matrix product that a tuner chose needs no
 * further proof: the tuner compared it with the reference on the same adapter, by
 * the same kernels, at the very size (see `webgpu/tune.ts`), and a table that
 * belongs to anything else is not used.
 *
 * @module
 */

import { CheckBudget } from "./check_budget.ts";
import { checkKernels, checkKernelsWithin } from "./check_kernels.ts";
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
import { suitsProducts } from "./webgpu/attention_products.ts";
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
   * before and whatever it takes.
   * @param budget For trying one kernel of each family otherwise.
   * @throws {DeviceError} If it computes wrong numbers; it is closed then.
   */
  static async open(
    engine: Engine,
    adapter: AdapterReport,
    { anew, budget = new CheckBudget() }: {
      anew: boolean;
      budget?: CheckBudget;
    },
  ): Promise<Engine> {
    try {
      const passed = await CheckedUses.of(adapter, { forget: anew });
      const checked = new CheckedEngine(engine, adapter, passed);
      if (anew) await checked.#check(everyUse());
      else if (passed.empty) {
        await checked.#remember((reference) =>
          checkKernelsWithin(budget, engine, reference, familyUses())
        );
      }
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
    const uses = usesOf(plan, (call) => this.#isLong(call));
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

  #isLong(call: KernelCall): boolean {
    return ["attention", "attention_gradient"].includes(call.kernel) &&
      this.#software && !suitsProducts(true, attentionSizes(call));
  }

  async #check(uses: readonly KernelUse[]): Promise<void> {
    const open = uses.filter((use) => !this.#passed.has(useKey(use)));
    if (open.length === 0) return;
    await this.#remember(async (reference) => {
      await checkKernels(this.#engine, reference, open);
      return open;
    });
  }

  /** Remembers the uses that a check, given its reference, finds right. */
  async #remember(
    check: (reference: Promise<Engine>) => Promise<readonly KernelUse[]>,
  ): Promise<void> {
    const reference = openCpuEngine({ threads: 0, blas: "off" });
    let tried: readonly KernelUse[];
    try {
      tried = await check(reference);
    } finally {
      (await reference).close();
    }
    if (tried.length > 0) await this.#passed.add(tried.map(useKey));
  }
}
