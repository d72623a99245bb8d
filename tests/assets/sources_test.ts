import assert from "node:assert/strict";

const assets = new URL("../../assets/", import.meta.url);

Deno.test("SOURCES.md lists every font package of the corpus with its version", async () => {
  const sources = await Deno.readTextFile(new URL("SOURCES.md", assets));
  const cells = new Set(sources.split("|").map((cell) => cell.trim()));
  const manifest = await Deno.readTextFile(
    new URL("make/packages/corpus/package.json", assets),
  );
  const { dependencies } = JSON.parse(manifest) as {
    dependencies: Record<string, string>;
  };
  const fonts = Object.entries(dependencies)
    .filter(([name]) => name.startsWith("@fontsource/"))
    .map(([name, version]) => `${name.split("/")[1]} ${version}`);
  assert.ok(fonts.length >= 60);
  assert.deepEqual(
    fonts.filter((font) => !cells.has(font)),
    [],
  );
});
