/**
 * A peer that computes nothing, for tests of the comparison's driver. Its
 * arguments: what it says it is, and its seconds for each step, in turn.
 *
 * @module
 */

import { serve } from "../../bench/compare/protocol.ts";

const [description, ...times] = Deno.args;
let turns = 0;

await serve(description, (request) => {
  switch (request.do) {
    case "open": {
      const { work, onnx } = request;
      if (onnx && Deno.readTextFileSync(onnx) !== work.name) {
        return Promise.resolve({ error: "got another model" });
      }
      turns = 0;
      const seconds = Number(times[0]);
      return Promise.resolve({ seconds, firstSeconds: 3.5 });
    }
    case "run": {
      const seconds = Number(times[turns++ % times.length]);
      return Promise.resolve({ seconds: request.steps * seconds });
    }
    case "gemm":
      return Promise.resolve({ gflops: 100 });
    case "export":
      Deno.writeTextFileSync(request.path, request.work.name);
      return Promise.resolve({});
    case "memory":
      return Promise.resolve({ bytes: 512 * 2 ** 20 });
    case "close":
      return Promise.resolve({});
  }
});
