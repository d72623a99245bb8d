import assert from "node:assert/strict";
import { cacheDirectory } from "../../kernels/cache_directory.ts";

const NAMES = ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"];

/** The directory with these variables and none of the others. */
function directoryWith(
  variables: Readonly<Record<string, string>>,
): string | undefined {
  const before = NAMES.map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  try {
    for (const name of NAMES) set(name, variables[name]);
    return cacheDirectory();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

Deno.test({
  name: "cacheDirectory() follows the XDG base directories",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    assert.equal(directoryWith({}), undefined);
    assert.equal(directoryWith({ HOME: "/home/a" }), "/home/a/.cache/alore");
    assert.equal(
      directoryWith({ HOME: "/home/a", XDG_CACHE_HOME: "/cache" }),
      "/cache/alore",
    );
    assert.equal(
      directoryWith({ HOME: "/home/a", XDG_CACHE_HOME: "" }),
      "/home/a/.cache/alore",
    );
  },
});

Deno.test({
  name: "cacheDirectory() asks for nothing",
  permissions: { env: false },
  fn: () => assert.equal(cacheDirectory(), undefined),
});
