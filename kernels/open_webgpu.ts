import { CheckedEngine } from "./checked_engine.ts";
import type { Engine, Precision } from "./engine.ts";
import {
  type ChooseMatmul,
  findAdapter,
  loadTuning,
  type MatmulVariant,
  openWebgpuEngine,
} from "./webgpu/mod.ts";

/** Options of {@linkcode openCheckedWebgpu}. */
export interface CheckedOptions {
  /** Whether an adapter that computes on the processor will do. */
  readonly allowSoftware: boolean;
  /** In what weights that stay frozen and activations are stored; "f32". */
  readonly precision?: Precision;
  /** When kernels are compared with those of the CPU engine. */
  readonly check: "once" | "always" | "never";
}

/** An engine that uses what a tuner found. */
export interface CheckedWebgpu {
  readonly engine: Engine;
  /** For tuners. */
  readonly choose: ChooseMatmul;
  /** Why what a tuner found is not used, where that is so. */
  readonly staleTuning?: string;
}

/**
 * Opens WebGPU on a device whose kernels compute what they should, with what a
 * tuner found to be best on it.
 *
 * @throws {DeviceError} If there is no such device or it computes wrong numbers.
 */
export async function openCheckedWebgpu(
  { check, ...options }: CheckedOptions,
): Promise<CheckedWebgpu> {
  const adapter = await findAdapter();
  const tuning = adapter && await loadTuning(adapter);
  const staleTuning = tuning?.note;
  const tuned = tuning?.choices ?? new Map<string, MatmulVariant>();
  const choose: ChooseMatmul = (key, variant) => {
    if (variant) tuned.set(key, variant);
    else tuned.delete(key);
  };
  const engine = await openWebgpuEngine({ ...options, tuned });
  if (check === "never" || !adapter) return { engine, choose, staleTuning };
  const anew = check === "always";
  return {
    engine: await CheckedEngine.open(engine, adapter, { anew }),
    choose,
    staleTuning,
  };
}
