/**
 * The matrix products of a plan, those inside other kernels' calls included.
 *
 * @module
 */
import type { Plan } from "../engine.ts";
import { lowerPlan } from "./compile.ts";
import type { AdapterClass } from "./kernel.ts";
import { kernels } from "./kernels.ts";
import type { MatmulChoices } from "./matmul_variant.ts";

/**
 * The products that a plan looks up in a tuner's table, by their
 * `matmulKey`, and how often one run computes each: whole ones, as on a device
 * whose limits cut nothing.
 *
 * @throws {TypeError} If a kernel is unknown.
 */
export function productsOf(
  plan: Plan,
  { software, subgroups }: AdapterClass,
): Map<string, number> {
  const products = new Map<string, number>();
  // What a call is lowered to is the kernels' own business: only they know
  // which products they ask for.
  const tuned: MatmulChoices = {
    get(key) {
      products.set(key, (products.get(key) ?? 0) + 1);
      return undefined;
    },
  };
  const settings = {
    software,
    subgroups,
    matmulFamily: "auto",
    tuned,
  } as const;
  lowerPlan(plan, kernels, settings);
  return products;
}
