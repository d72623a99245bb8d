import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type Column,
  compare,
  type ComparisonRequest,
} from "../../bench/compare/driver.ts";
import type { PeerCommand } from "../../bench/compare/peer_process.ts";
import { comparisonLines, spread } from "../../bench/compare/report.ts";
import { stepsFor } from "../../bench/compare/rounds.ts";
import { figureOf, ratioOf } from "../../bench/compare/statistics.ts";
import { flopsOf, works } from "../../bench/compare/works.ts";
import { inFolder } from "../support/folder.ts";

const FAKE = fileURLToPath(new URL("fake_peer.ts", import.meta.url));

function fake(name: string, ...times: number[]): PeerCommand {
  const permissions = ["--allow-read", "--allow-write"];
  return {
    name,
    program: Deno.execPath(),
    args: ["run", ...permissions, FAKE, `${name} 1.0`, ...times.map(String)],
    install: "it comes with the tests",
  };
}

const byName = new Map(works.map((work) => [work.name, work]));
const chosen = ["tiny32-inference-32", "tiny32-peft-32"]
  .map((name) => byName.get(name)!);

function request(columns: Column[], folder: string): ComparisonRequest {
  return {
    columns,
    works: chosen,
    sizes: [64],
    effort: { rounds: 3, turn: 0 },
    folder,
    memoryWork: chosen[1],
    scalingWork: chosen[1],
    threads: 2,
    progress: () => {},
  };
}

Deno.test("compare() measures peers in turn and tables their figures", async () => {
  await inFolder(async (folder) => {
    const columns: Column[] = [
      { name: "Torch", commands: [fake("Torch", 2, 4, 1)], exports: true },
      { name: "Runtime", commands: [fake("Runtime", 1)], needsExport: true },
      {
        name: "ours",
        commands: [fake("ours", 1, 1, 1)],
        ours: true,
        single: fake("ours on one", 2, 1.9, 1.8),
      },
    ];
    const found = await compare(request(columns, folder));
    const [inference, peft] = found.works;
    assert.deepEqual(inference.reached.map(({ peer }) => peer), [
      "Torch",
      "Runtime",
      "ours",
    ]);
    assert.deepEqual(peft.reached.map(({ peer }) => peer), ["Torch", "ours"]);
    assert.deepEqual(inference.reached[0].speed.values, [16, 8, 32]);
    assert.equal(inference.reached[0].gemm, undefined);
    assert.equal(inference.reached[2].gemm?.median, 100);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    const machine = { processor: "made up" };
    const lines = comparisonLines({ ...found, date: "today", machine });
    const text = lines.join("\n");
    assert.match(text, /^processor: made up\nTorch: Torch 1\.0$/m);
    assert.match(
      text,
      /^tiny32-inference-32 +16\.0 \(8\.0–32\.0\) +32\.0 \(32\.0–32\.0\) +32\.0/m,
    );
    assert.match(text, /^work +ours \/ Torch +ours \/ Runtime$/m);
    assert.match(text, /^tiny32-peft-32 +2\.00 \(1\.00–4\.00\) +–$/m);
    // 32 images of 0.730 GFLOP a second.
    assert.match(text, /^tiny32-inference-32 +11\.7 · 12 % +23\.4 · 23 %/m);
    assert.match(text, /^GEMM of ours: 100 \(100–100\) GFLOP\/s$/m);
    assert.match(text, /^size +Torch +ours$/m);
    assert.match(text, /^64 × 64 +100 \(100–100\) +100 \(100–100\)$/m);
    assert.match(text, /^tiny32-inference-32 +3\.50 +3\.50 +3\.50$/m);
    assert.match(text, /^Torch +537 MB +512 MiB$/m);
    assert.match(text, /^ours +1\.90 \(1\.80–2\.00\)$/m);
  });
});

Deno.test("compare() goes on without the peers that it does not find", async () => {
  await inFolder(async (folder) => {
    const none = { ...fake("Torch", 1), program: "no-such-program" };
    const other = {
      ...fake("Torch", 1),
      accepts: (text: string) => text !== "Torch 1.0",
    };
    const columns: Column[] = [
      { name: "Torch", commands: [none, other], exports: true },
      { name: "Runtime", commands: [fake("Runtime", 1)], needsExport: true },
      { name: "ours", commands: [fake("ours", 1)], ours: true },
    ];
    const found = await compare(request(columns, folder));
    assert.deepEqual(found.peers[0], {
      name: "Torch",
      missing: {
        reason: "there is no no-such-program",
        install: "it comes with the tests",
      },
    });
    for (const { reached } of found.works) {
      assert.deepEqual(reached.map(({ peer }) => peer), ["ours"]);
    }
    const lines = comparisonLines({ ...found, date: "today", machine: {} });
    assert.ok(
      lines.includes(
        "Torch: not found (there is no no-such-program); it comes with the " +
          "tests",
      ),
    );
    assert.ok(lines.includes("(no peer to compare with)"));
  });
});

Deno.test("compare() says which peer failed", async () => {
  await inFolder(async (folder) => {
    const columns: Column[] = [
      { name: "ours", commands: [fake("ours", 1)], exports: true },
      // Reads a model that nobody may read.
      {
        name: "Runtime",
        commands: [{
          ...fake("Runtime", 1),
          args: ["run", "--no-prompt", FAKE, "Runtime", "1"],
        }],
        needsExport: true,
      },
    ];
    await assert.rejects(compare(request(columns, folder)), {
      name: "TypeError",
      message: /^Cannot ask Runtime to open: Requires read access/,
    });
  });
});

Deno.test("figures have a median, and ratios are made pair by pair", () => {
  const [a, b] = [figureOf([4, 1, 3, 2]), figureOf([2, 1, 1, 1])];
  assert.deepEqual([a.median, a.low, a.high], [2.5, 1, 4]);
  assert.deepEqual(ratioOf(a, b).values, [2, 1, 3, 2]);
  assert.throws(() => figureOf([]), { name: "RangeError" });
  assert.equal(spread(figureOf([141.4, 150, 133.6])), "141 (134–150)");
  assert.equal(spread(figureOf([1.234, 1.3, 1.1])), "1.23 (1.10–1.30)");
  assert.equal(stepsFor(0.25, 1), 4);
  assert.equal(stepsFor(5, 1), 1);
});

Deno.test("flopsOf() is what the models are known to take", () => {
  const giga = (name: string) => {
    const work = byName.get(name)!;
    return flopsOf(work) / work.batch / 1e9;
  };
  // 17.5 GMACs: timm's results for vit_base_patch16_224.
  assert.ok(Math.abs(giga("b16-inference-4") / 2 - 17.5) < 0.1);
  assert.equal(giga("tiny32-peft-32"), 2 * giga("tiny32-inference-32"));
  assert.equal(giga("tiny32-full-32"), 3 * giga("tiny32-inference-32"));
});
