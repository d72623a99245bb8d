/**
 * The functions of BLAS libraries.
 *
 * @module
 */

/**
 * What the engine calls. A library has one of the two products, and the C
 * library's functions, which it brings along.
 */
export const BLAS_SYMBOLS = {
  cblas_sgemm: {
    // deno-fmt-ignore
    parameters: [
      "i32", "i32", "i32", "i32", "i32", "i32",
      "f32", "usize", "i32", "usize", "i32", "f32", "usize", "i32",
    ],
    result: "void",
    optional: true,
  },
  dnnl_sgemm: {
    // deno-fmt-ignore
    parameters: [
      "u8", "u8", "isize", "isize", "isize",
      "f32", "usize", "isize", "usize", "isize", "f32", "usize", "isize",
    ],
    result: "i32",
    optional: true,
  },
  // With paths granted one by one, Deno hands out no addresses itself.
  addressOf: {
    name: "memmove",
    parameters: ["buffer", "buffer", "usize"],
    result: "usize",
  },
  copyFrom: {
    name: "memmove",
    parameters: ["buffer", "usize", "usize"],
    result: "usize",
  },
  dlopen: { parameters: ["buffer", "i32"], result: "usize", optional: true },
  strlen: { parameters: ["usize"], result: "usize" },
  openblas_get_config: { parameters: [], result: "usize", optional: true },
  openblas_get_parallel: { parameters: [], result: "i32", optional: true },
  openblas_set_num_threads: {
    parameters: ["i32"],
    result: "void",
    optional: true,
  },
  MKL_Get_Version_String: {
    parameters: ["buffer", "i32"],
    result: "void",
    optional: true,
  },
  MKL_Set_Threading_Layer: {
    parameters: ["i32"],
    result: "i32",
    optional: true,
  },
  dnnl_get_effective_cpu_isa: {
    parameters: [],
    result: "u32",
    optional: true,
  },
  dnnl_version: { parameters: [], result: "usize", optional: true },
  // Of the OpenMP that oneDNN brings along.
  omp_set_num_threads: { parameters: ["i32"], result: "void", optional: true },
  bli_info_get_version_str: { parameters: [], result: "usize", optional: true },
  bli_thread_set_num_threads: {
    parameters: ["i64"],
    result: "void",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;
