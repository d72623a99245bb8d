import { DeviceError } from "../engine.ts";
import type { Guard } from "./guard.ts";
import type { Dispatch, Shader } from "./kernel.ts";

/** Compiles shaders once for each set of constants. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #guard: Guard;
  readonly #subgroupDirective: string;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #modules = new Map<Shader, Promise<GPUShaderModule>>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #shaderIds = new Map<Shader, number>();

  /**
   * @param subgroupDirective What the text of shaders with subgroups is to begin
   * with on the device.
   */
  constructor(device: GPUDevice, guard: Guard, subgroupDirective = "") {
    this.#device = device;
    this.#guard = guard;
    this.#subgroupDirective = subgroupDirective;
  }

  /**
   * The pipeline of a shader with its constants.
   *
   * @throws {DeviceError} If it does not compile; the message names the
   * kernel and holds the compiler's messages.
   */
  get(
    shader: Shader,
    constants: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline> {
    const key = this.#key(shader, constants);
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      pipeline = this.#compile(shader, constants);
      this.#pipelines.set(key, pipeline);
      pipeline.catch(() => this.#pipelines.delete(key));
    }
    return pipeline;
  }

  /** Those of some kernels that have no pipeline yet, each once. */
  missing<K extends Pick<Dispatch, "shader" | "constants">>(
    kernels: readonly K[],
  ): K[] {
    const byKey = new Map(kernels.map((kernel) => [
      this.#key(kernel.shader, kernel.constants),
      kernel,
    ]));
    for (const key of this.#pipelines.keys()) byKey.delete(key);
    return [...byKey.values()];
  }

  /** The layout of a shader's bindings, shared by shaders of the same form. */
  layout({ bindings, uniform }: Shader): GPUBindGroupLayout {
    const label = `${bindings.length} storage${uniform ? ", uniform" : ""}`;
    let layout = this.#layouts.get(label);
    if (layout === undefined) {
      const types = bindings.map((): GPUBufferBindingType => "storage");
      if (uniform) types.push("uniform");
      layout = this.#device.createBindGroupLayout({
        label,
        entries: types.map((type, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type },
        })),
      });
      this.#layouts.set(label, layout);
    }
    return layout;
  }

  #key(shader: Shader, constants: Readonly<Record<string, number>>): string {
    let id = this.#shaderIds.get(shader);
    if (id === undefined) {
      id = this.#shaderIds.size;
      this.#shaderIds.set(shader, id);
    }
    return `${id} ${JSON.stringify(Object.entries(constants).sort())}`;
  }

  async #compile(
    shader: Shader,
    constants: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline> {
    const module = await this.#module(shader);
    return await this.#guard.create(
      `compile kernel ${shader.name}`,
      () =>
        this.#device.createComputePipeline({
          label: shader.name,
          layout: this.#device.createPipelineLayout({
            label: shader.name,
            bindGroupLayouts: [this.layout(shader)],
          }),
          compute: { module, entryPoint: shader.entry, constants },
        }),
    );
  }

  #module(shader: Shader): Promise<GPUShaderModule> {
    let module = this.#modules.get(shader);
    if (module === undefined) {
      module = this.#compileModule(shader);
      this.#modules.set(shader, module);
      module.catch(() => this.#modules.delete(shader));
    }
    return module;
  }

  async #compileModule(shader: Shader): Promise<GPUShaderModule> {
    const directive = shader.subgroups ? this.#subgroupDirective : "";
    const { made: module, error } = this.#guard.createLater(
      `compile kernel ${shader.name}`,
      () =>
        this.#device.createShaderModule({
          label: shader.name,
          code: directive + shader.wgsl,
        }),
    );
    const failure = await error;
    const { messages } = await module.getCompilationInfo();
    const errors = messages.filter(({ type }) => type === "error");
    if (errors.length > 0) {
      const lines = errors.map(({ lineNum, linePos, message }) =>
        `line ${lineNum}:${linePos} ${message}`
      );
      throw new DeviceError(
        `Cannot compile kernel ${shader.name}: ${lines.join("; ")}`,
      );
    }
    if (failure !== undefined) throw failure;
    return module;
  }
}
