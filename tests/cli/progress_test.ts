import assert from "node:assert/strict";
import { Output } from "../../cli/output.ts";
import { TrainBar } from "../../cli/progress.ts";

/** An output that keeps what is written. */
class KeptOutput extends Output {
  readonly lines: string[] = [];
  drawn = "";

  constructor(readonly terminal: boolean, readonly width = 120) {
    super();
  }

  override get interactive(): boolean {
    return this.terminal;
  }

  override get columns(): number {
    return this.width;
  }

  override note(line = ""): void {
    this.lines.push(line);
  }

  override raw(text: string): void {
    this.drawn += text;
  }
}

/** Follows two epochs of two steps. */
function follow(output: Output): void {
  const bar = new TrainBar(output, { title: "alore", trainable: 147520 });
  for (let epoch = 1; epoch <= 2; epoch++) {
    for (let step = 1; step <= 2; step++) {
      bar.onStep({
        epoch,
        epochs: 2,
        step,
        steps: 2,
        loss: 2 / epoch,
        top1: 0.5,
        imagesPerSecond: 1234,
      });
    }
    bar.onEpoch({
      epoch,
      lr: 1e-3,
      trainLoss: 2 / epoch,
      trainTop1: 0.5,
      gradientNorm: 1,
      validationTop1: 0.25 * epoch,
      seconds: 1,
      imagesPerSecond: 1234,
    });
  }
  bar.stop();
}

Deno.test("TrainBar writes one plain line an epoch without a terminal", () => {
  const output = new KeptOutput(false);
  follow(output);
  assert.equal(output.drawn, "");
  assert.equal(output.lines.length, 2);
  assert.match(
    output.lines[0],
    /^alore +147,520 trainable {2}epoch 1\/2 {2}loss 2\.000 · train 50\.0 % · val 25\.0 % · 1,234 img\/s · \d+:\d\d left$/,
  );
});

Deno.test("TrainBar redraws one line of a terminal", () => {
  const output = new KeptOutput(true);
  follow(output);
  assert.deepEqual(output.lines, []);
  assert.match(
    output.drawn,
    /epoch 2\/2 ━{20} {2}loss 1\.000 · val 50\.0 % · 1,234 img\/s/,
  );
  assert.equal(output.drawn.match(/\n/g)?.length, 1);
  // Wrapping and the cursor are left as they are: nothing to restore.
  assert.ok(!output.drawn.includes("\x1b[?"));
});

Deno.test("TrainBar fits into a narrow terminal", () => {
  const output = new KeptOutput(true, 80);
  follow(output);
  const lines = output.drawn.split("\x1b[1G").slice(1)
    .map((line) => line.split("\x1b")[0]);
  assert.ok(lines.length > 0);
  for (const line of lines) {
    assert.ok([...line].length < 80, line);
    assert.match(
      line,
      /^alore +epoch \d\/2 [━╸]* +loss .* img\/s( · .* left)?$/,
    );
  }
});
