/**
 * The same shader over tensors that are stored as f16.
 *
 * Kernels are written once, for f32. Here every load from a binding that is
 * stored as f16 becomes one with a conversion to f32, and every store one with a
 * conversion to f16; what is computed in between stays as it is. WGSL converts
 * nothing by itself, so a place that was missed does not compile.
 *
 * @module
 */
import type { Shader } from "./kernel.ts";

const made = new WeakMap<Shader, Map<string, Shader>>();

/**
 * The variant of a shader for the types of its bindings, each made once.
 *
 * @param half Numbers of the bindings that are stored as f16, in order.
 * @throws {TypeError} If one is not an array of f32 or vec4f, or is used
 * otherwise than by loads and plain stores of its elements.
 */
export function halfShader(shader: Shader, half: readonly number[]): Shader {
  const variants = made.get(shader) ?? new Map<string, Shader>();
  made.set(shader, variants);
  const key = half.join(" ");
  const before = variants.get(key);
  if (before) return before;
  const variant = {
    ...shader,
    name: `${shader.name}, f16 ${
      half.map((binding) => shader.bindings[binding]).join(" and ")
    }`,
    wgsl: "enable f16;\n" + half.reduce(
      (wgsl, binding) => storeAsHalf(wgsl, binding, shader.name),
      shader.wgsl,
    ),
  };
  variants.set(key, variant);
  return variant;
}

function storeAsHalf(wgsl: string, binding: number, shader: string): string {
  const declaration = new RegExp(
    `(@binding\\(${binding}\\) var<storage, read_write> (\\w+): )` +
      "array<(f32|vec4f|Numbers)>;",
  );
  const found = declaration.exec(wgsl);
  if (!found) {
    throw new TypeError(
      `Cannot store binding ${binding} of ${shader} as f16: got another ` +
        `declaration, wanted array<f32> or array<vec4f>`,
    );
  }
  const [whole, head, name, declared] = found;
  const type = declared === "Numbers"
    ? /alias Numbers = (f32|vec4f);/.exec(wgsl)?.[1]
    : declared;
  const names = type === "f32" ? SCALARS : VECTORS;
  const convertIn = (text: string) => convert(text, name, names, shader);
  return convertIn(wgsl.slice(0, found.index)) +
    `${head}array<${names.stored}>;` +
    convertIn(wgsl.slice(found.index + whole.length));
}

/** What an element is stored as and loaded as. */
interface Names {
  readonly stored: string;
  readonly loaded: string;
}

const SCALARS: Names = { stored: "f16", loaded: "f32" };
const VECTORS: Names = { stored: "vec4<f16>", loaded: "vec4f" };

/** Converts at every load and store of `name[…]` in some text. */
function convert(
  text: string,
  name: string,
  names: Names,
  shader: string,
): string {
  const use = new RegExp(`(?<![\\w.])${name}\\[`, "g");
  let result = "";
  let from = 0;
  for (let found = use.exec(text); found; found = use.exec(text)) {
    const open = use.lastIndex - 1;
    const close = closing(text, open);
    const index = text.slice(open + 1, close);
    const element = `${name}[${convert(index, name, names, shader)}]`;
    const store = /^(\.[xyzw])?\s*([-+*/%&|^]?)=(?!=)\s*/.exec(
      text.slice(close + 1),
    );
    result += text.slice(from, found.index);
    from = close + 1;
    if (store) {
      const [whole, component = "", operator] = store;
      if (operator) {
        throw new TypeError(
          `Cannot store ${name} of ${shader} as f16: got an update by ` +
            `${operator}=, wanted loads and plain stores`,
        );
      }
      const end = text.indexOf(";", from);
      const value = text.slice(from + whole.length, end);
      const type = component ? SCALARS.stored : names.stored;
      result += `${element}${component} = ` +
        `${type}(${convert(value, name, names, shader)})`;
      from = end;
    } else {
      result += `${names.loaded}(${element})`;
    }
    use.lastIndex = from;
  }
  return result + text.slice(from);
}

/** Where the bracket that opens at `open` closes. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "[") depth++;
    if (text[at] === "]" && --depth === 0) return at;
  }
  return text.length;
}
