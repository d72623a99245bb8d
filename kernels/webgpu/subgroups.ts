/**
 * Subgroups: lanes of a workgroup that read each other's registers.
 *
 * Only kernels for software adapters use them. Deno 2.9.6 gives the feature to
 * who asks for it, though its adapters do not list it, and its compiler refuses
 * the directive that WGSL asks for; browsers list the one and want the other. So
 * both are tried out.
 *
 * @module
 */

/** Optional: shaders may hand numbers from lane to lane. */
export const SUBGROUP_FEATURE = "subgroups";

/** Lanes that the kernels share numbers among, at least. */
export const SUBGROUP_LANES = 8;

const PROBE = /* wgsl */ `
@compute @workgroup_size(8)
fn main(@builtin(subgroup_invocation_id) lane: u32) {
  _ = subgroupBroadcast(lane, 0u);
}
`;

/**
 * How WGSL with subgroups has to begin on a device: with the directive of the
 * standard or with nothing. Undefined where a device has none.
 */
export async function subgroupDirective(
  device: GPUDevice,
): Promise<string | undefined> {
  if (!device.features.has(SUBGROUP_FEATURE)) return undefined;
  for (const directive of ["", "enable subgroups;\n"]) {
    device.pushErrorScope("validation");
    device.createShaderModule({ label: "subgroups", code: directive + PROBE });
    if (await device.popErrorScope() === null) return directive;
  }
  return undefined;
}
