/**
 * Compiles every shader with every set of constants that the registry gives it.
 *
 * @module
 */

import { findMethod, methods, resolveOptions } from "../../core/methods/mod.ts";
import { AdaptedModel } from "../../core/models/adapted_model.ts";
import { modelShape } from "../../core/models/architectures.ts";
import { findBackbone } from "../../core/models/zoo.ts";
import { trainPlan } from "../../core/train/step.ts";
import type { Plan } from "../../kernels/engine.ts";
import type { OpenedDevice } from "../../kernels/webgpu/adapter.ts";
import { lowerPlan } from "../../kernels/webgpu/compile.ts";
import { Guard } from "../../kernels/webgpu/guard.ts";
import type { Shader } from "../../kernels/webgpu/kernel.ts";
import { kernels } from "../../kernels/webgpu/kernels.ts";
import { Pipelines } from "../../kernels/webgpu/pipelines.ts";
import { adapterClasses } from "../support/adapter_classes.ts";
import { halfPlan } from "../support/half_case.ts";
import { kernelCases } from "../support/kernel_cases.ts";
import { planningEngine } from "../support/planning_engine.ts";
import { casePlan } from "../support/run_case.ts";
import type { Report } from "./report.ts";

/** Sets of constants by shader, each as its JSON text. */
export type Uses = ReadonlyMap<Shader, ReadonlySet<string>>;

/** One backbone of each family. */
const BACKBONES = ["vit-b16", "dinov2-s14-reg4", "clip-b16", "swin-t"];

/**
 * What the registry makes of the kernels' cases, of every method on a tiny ViT
 * and of one step of some backbones, for adapters of every class.
 *
 * Of sets that are the same to a compiler, one is kept: those that differ only
 * in sizes above 0 that no array and no workgroup depends on.
 */
export function shaderUses(): Uses {
  const uses = new Map<Shader, Map<string, string>>();
  for (const { shaders } of kernels.values()) {
    for (const shader of shaders) uses.set(shader, new Map());
  }
  const registered = [...uses.keys()];
  // What stores f16 is compiled as it is written, for f32.
  const written = (used: Shader) =>
    registered.find(({ name }) =>
      used.name === name || used.name.startsWith(`${name}, f16 `)
    );
  for (const plan of plans()) {
    for (const adapter of adapterClasses) {
      const settings = { ...adapter, matmulFamily: "auto" } as const;
      const { dispatches } = lowerPlan(plan, kernels, settings);
      for (const { shader: used, constants } of dispatches) {
        const shader = written(used);
        if (!shader) continue;
        const sorted = Object.entries(constants).sort();
        const shape = shapeOf(shader);
        const kind = sorted.map(([name, value]) =>
          value === 0 || shape.has(name) ? value : name
        );
        const sets = uses.get(shader);
        if (!sets?.has(`${kind}`)) {
          sets?.set(`${kind}`, JSON.stringify(sorted));
        }
      }
    }
  }
  return new Map(
    [...uses].map(([shader, sets]) => [shader, new Set(sets.values())]),
  );
}

const shapes = new Map<Shader, Set<string>>();

/** The overrides that flags are, or that arrays and workgroups depend on. */
function shapeOf(shader: Shader): Set<string> {
  let names = shapes.get(shader);
  if (names) return names;
  const { wgsl } = shader;
  const sizes = [
    ...wgsl.matchAll(/@workgroup_size\(([^)]*)\)/g),
    ...wgsl.matchAll(/array<[^<>;{]*(?:<[^<>]*>)?,([^<>;{]*)>/g),
    ...wgsl.matchAll(/override (\w+): bool/g),
  ].map(([, size]) => size).join(" ");
  names = new Set(sizes.match(NAMES));
  const derived = [...wgsl.matchAll(/override (\w+)[^=;]*=([^;]*);/g)];
  for (const [, name, value] of derived.reverse()) {
    if (!names.has(name)) continue;
    for (const used of value.match(NAMES) ?? []) names.add(used);
  }
  shapes.set(shader, names);
  return names;
}

const NAMES = /\b[A-Z][A-Z_]+\b/g;

function* plans(): Generator<Plan> {
  for (const test of kernelCases) {
    yield casePlan(test).plan;
    yield casePlan(test, 0).plan;
    const half = kernels.get(test.op)?.half;
    if (half) yield halfPlan(casePlan(test).plan, half);
  }
  for (const method of methods.keys()) yield* modelPlans("vit-t8-32", method);
  for (const backbone of BACKBONES) yield* modelPlans(backbone, "alore");
}

function* modelPlans(backbone: string, name: string): Generator<Plan> {
  const config = { ...findBackbone(backbone), classes: 10 };
  const method = findMethod(name);
  const options = resolveOptions(method, {}, modelShape(config));
  const model = new AdaptedModel(planningEngine(), { config, method, options });
  yield model.forwardPlan(3);
  yield trainPlan(model, { batch: 2, smoothing: 0.1, dropPath: true });
}

/** Compiles what {@linkcode shaderUses} found; a line for each shader. */
export async function compileSuite(
  { device, subgroupDirective }: OpenedDevice,
  report: Report,
): Promise<void> {
  const guard = new Guard(device);
  const pipelines = new Pipelines(device, guard, subgroupDirective);
  for (const [shader, constants] of shaderUses()) {
    const { name, wgsl, entry, subgroups } = shader;
    const problems = constants.size > 0 ? [] : ["no case uses it"];
    const code = (subgroups ? subgroupDirective ?? "" : "") + wgsl;
    const module = device.createShaderModule({ label: name, code });
    const { messages } = await module.getCompilationInfo();
    problems.push(...messages.map(({ message }) => message));
    for (const set of constants) {
      try {
        await pipelines.get(shader, Object.fromEntries(JSON.parse(set)));
      } catch (error) {
        problems.push(`${set}: ${error instanceof Error && error.message}`);
      }
    }
    await report({
      passed: problems.length === 0,
      name: `compile ${name}`,
      detail: problems.join("; ") ||
        `${entry}, ${constants.size} sets of constants`,
    });
  }
}
